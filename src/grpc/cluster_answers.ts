/** How calls of RaftClusterService are answered: with headers, and with details where they fail. */

import type { Answer, CallContext } from "./call.ts";
import { answerHeaders, requestOptions } from "./request_options.ts";
import { withDetails } from "./status_details.ts";

/** What `serve` answers, or the status that its failure comes to. */
export async function answering<Response>(
  call: CallContext,
  serve: (options: ReturnType<typeof requestOptions>) => Promise<Response>,
): Promise<Answer<Response>> {
  const options = requestOptions(call);
  try {
    return { message: await serve(options), headers: answerHeaders(options.requestId) };
  } catch (error) {
    throw withDetails(error);
  }
}
