// A client of the package that oapi-codegen makes of the document, as a stranger writes one.
//
// Arguments: the address of a node, and the prefix of the keys to use. It writes a line of JSON for
// each step of the conversation that sdk_test.ts expects.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"skein.test/client/skein"
)

type told map[string]any

var (
	ctx     = context.Background()
	api     *skein.ClientWithResponses
	prefix  string
	written = json.NewEncoder(os.Stdout)
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tell(step string, status int, more told) {
	line := told{"step": step, "status": status}
	for name, value := range more {
		line[name] = value
	}
	must(written.Encode(line))
}

func to[T any](value T) *T { return &value }

func put(name, value string, params skein.PutValueParams) *skein.PutValueResponse {
	answer, err := api.PutValueWithBodyWithResponse(
		ctx, prefix+name, &params, "application/octet-stream", strings.NewReader(value))
	must(err)
	return answer
}

func get(name string) *skein.GetValueResponse {
	answer, err := api.GetValueWithResponse(ctx, prefix+name, nil)
	must(err)
	return answer
}

func putTold(result *skein.PutResult) told {
	return told{
		"key": result.Key, "revision": result.Revision,
		"create": result.Create, "version": result.Version,
	}
}

func recordTold(record *skein.Record) any {
	if record == nil {
		return nil
	}
	return told{
		"key": record.Key, "value": record.Value, "create": record.Create,
		"mod": record.Mod, "version": record.Version, "content_type": record.ContentType,
	}
}

func refusal(problem *skein.Problem) told {
	return told{"code": problem.Code, "outcome": problem.Outcome}
}

func talkOfKeys() {
	created := put("a", "one", skein.PutValueParams{ContentType: to("text/plain")})
	tell("put", created.StatusCode(), putTold(created.JSON201))
	found := get("a")
	mediaType := found.HTTPResponse.Header.Get("Content-Type")
	tell("get", found.StatusCode(), told{"type": mediaType, "value": string(found.Body)})

	tag := fmt.Sprintf("%q", fmt.Sprint(created.JSON201.Revision))
	swapped := put("a", "two", skein.PutValueParams{IfMatchHeader: &tag})
	tell("swap", swapped.StatusCode(), putTold(swapped.JSON200))
	lost := put("a", "three", skein.PutValueParams{IfMatchHeader: &tag})
	why := refusal(lost.ApplicationproblemJSON412)
	why["current"] = recordTold(lost.ApplicationproblemJSON412.Current)
	tell("lose", lost.StatusCode(), why)

	other := put("b", "käse", skein.PutValueParams{})
	tell("put", other.StatusCode(), putTold(other.JSON201))
	list, err := api.ListKeysWithResponse(ctx, &skein.ListKeysParams{Prefix: &prefix})
	must(err)
	items := []any{}
	for _, item := range list.JSON200.Items {
		items = append(items, recordTold(item))
	}
	tell("list", list.StatusCode(), told{
		"items": items, "count": list.JSON200.Count, "revision": list.JSON200.Revision,
	})
}

func talkOfTransactions() {
	a, b, never := prefix+"a", prefix+"b", prefix+"never"
	var two skein.Compare_Value
	must(two.FromCompareValue0("two"))
	body := skein.Txn{
		If: &[]skein.Compare{{Key: &a, Target: skein.CompareTargetValue, Op: "=", Value: &two}},
		Then: &[]skein.TxnOperation{
			{Put: &skein.TxnPut{Key: &a, Value: to("three")}},
			{Get: &skein.TxnGet{Key: &b}},
		},
		Else: &[]skein.TxnOperation{
			{Get: &skein.TxnGet{Key: &a}},
			{Get: &skein.TxnGet{Key: &never}},
		},
	}
	held, err := api.RunTxnWithResponse(ctx, nil, body)
	must(err)
	done := held.JSON200.Results[0].Put
	tell("then", held.StatusCode(), told{
		"succeeded": held.JSON200.Succeeded,
		"put":       told{"revision": done.Revision, "create": done.Create, "version": done.Version},
		"get":       recordTold(held.JSON200.Results[1].Get),
	})
	failed, err := api.RunTxnWithResponse(ctx, nil, body)
	must(err)
	gets := []any{}
	for _, result := range failed.JSON200.Results {
		gets = append(gets, recordTold(result.Get))
	}
	tell("else", failed.StatusCode(), told{"succeeded": failed.JSON200.Succeeded, "gets": gets})
}

func talkOfLeases() {
	granted, err := api.GrantLeaseWithResponse(ctx, nil, skein.LeaseRequest{Ttl: "60s"})
	must(err)
	lease := granted.JSON201.Id
	tell("grant", granted.StatusCode(), told{"ttl_ms": granted.JSON201.TtlMs})
	hung := put("c", "leased", skein.PutValueParams{Lease: &lease})
	tell("hang", hung.StatusCode(), putTold(hung.JSON201))

	kept, err := api.KeepLeaseAliveWithResponse(ctx, lease, nil)
	must(err)
	tell("keep", kept.StatusCode(), told{
		"same": kept.JSON200.Id == lease, "ttl_ms": kept.JSON200.TtlMs,
	})
	looked, err := api.GetLeaseWithResponse(ctx, lease, &skein.GetLeaseParams{Keys: to(true)})
	must(err)
	seen := looked.JSON200
	keys := []any{}
	for _, item := range *seen.Keys {
		keys = append(keys, item.Key)
	}
	tell("look", looked.StatusCode(), told{
		"is_left":   seen.RemainingMs > 0 && seen.RemainingMs <= 60_000,
		"key_count": seen.KeyCount,
		"keys":      keys,
	})
	revoked, err := api.RevokeLeaseWithResponse(ctx, lease, nil)
	must(err)
	tell("revoke", revoked.StatusCode(), told{})
	gone := get("c")
	tell("miss", gone.StatusCode(), refusal(gone.ApplicationproblemJSON404))
}

func main() {
	var err error
	api, err = skein.NewClientWithResponses(os.Args[1])
	must(err)
	prefix = os.Args[2]
	talkOfKeys()
	talkOfTransactions()
	talkOfLeases()
}
