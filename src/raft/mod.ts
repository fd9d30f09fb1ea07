/**
 * Raft: how several nodes agree on one log, so that they can fail one by one and nobody notices.
 *
 * This chapter tells what the core does and why. It follows "In Search of an Understandable
 * Consensus Algorithm", extended version (Ongaro and Ousterhout, 2014: *the paper*) and
 * "Consensus: Bridging Theory and Practice" (Ongaro, 2014: *the thesis*), uses their words, and
 * says where it adds something. Whoever wants to see it work reads the transcripts under
 * test/datadriven/testdata; the tests named paper_* and thesis_* hold one sentence each.
 *
 * # Shape
 *
 * The core is a function of what it was restored from, a seed, and a sequence of inputs. It does
 * no I/O, reads no clock, draws no number of its own, and waits for nothing. There is one way in
 * and one way out:
 *
 *     step(input, nowMs)    everything that can happen: a message, a tick, a proposal, a write
 *                           that became durable, entries that were applied            (input.ts)
 *     ready(capacity)       everything that must be done: send, write, apply, answer  (ready.ts)
 *
 * A node steps all that waits and then does what `ready` says, so everything that arrives during
 * one fsync shares the next write, the next AppendEntries and the next quorum round.
 *
 * Inside, core.ts gates the term and dispatches to the role; follower.ts, candidate.ts and
 * leader.ts hold what only that role has; state.ts holds what outlives roles. log.ts, quorum.ts,
 * progress.ts, configuration.ts, read_index.ts, write_queue.ts, transfer.ts, heirs.ts, lease.ts,
 * loss.ts, installation.ts and snapshot_peers.ts are the parts that can be understood alone.
 *
 * # The protocol in a page
 *
 * Time is cut into *terms*, each with at most one *leader* (§5.2 of the paper). A *follower* that
 * hears nothing for its election timeout, drawn at random from an interval, asks all voters
 * whether they would vote for it (PreVote, thesis §9.6). If a quorum would, it becomes *candidate*
 * in a new term, votes for itself and asks for votes. A voter gives one vote a term, and only to a
 * log that is at least as up to date as its own: higher last term, or the same and not shorter
 * (§5.4.1). A quorum of votes makes a leader. Any message of a higher term ends what one was.
 *
 * The leader appends proposals to its log and sends them to everybody with the position before
 * them, `prevLog` (§5.3). Who holds `prevLog` appends, deletes its own entries only where terms
 * conflict, and acknowledges when that is durable. Who does not hold it answers with a hint, and
 * the leader goes back, one term a round. An entry of the leader's own term that is durable on a
 * quorum is *committed*, and all before it are (§5.4.2). What is committed is applied, in order,
 * by everybody.
 *
 * A new leader appends a *no-op* at once. It holds all that is committed, but only when an entry
 * of its own term is committed does it know how far that goes (§8). Until then it answers no reads
 * and changes no configuration.
 *
 * # What always holds
 *
 * Of all nodes together (figure 3 of the paper; test/harness/raft_checks.ts checks each at every
 * event of the random runs):
 *
 * - Election safety: at most one leader a term.
 * - Leader append-only: a leader never overwrites or deletes entries of its log.
 * - Log matching: two logs that hold the same index and term are equal up to there.
 * - Leader completeness: what is committed is in the log of every later leader.
 * - State machine safety: nobody applies another entry at the same index.
 *
 * Of each node (asserted where they could break, and in invariants.ts):
 *
 * - boundary ≤ applied ≤ commitIndex ≤ lastIndex, applied ≤ stableIndex ≤ lastIndex.
 * - currentTerm, commitIndex and applied never fall; a vote is never taken back within its term,
 *   not even by stepping down in that term, nor by a crash.
 * - Nothing at or below commitIndex is truncated. If the leader's log contradicts it, the node
 *   stops: one of both has lost what it promised to keep.
 * - Cluster time (`Entry.timeMs`) never falls along a log.
 *
 * # Durability
 *
 * Two rules buy safety cheaply: *what claims something about the disk leaves when the disk has
 * it*, and *the leader counts itself only then*. Everything else may go out at once.
 *
 *     leaves at once                            waits for the write that covers it
 *     ----------------------------------------  ------------------------------------------------
 *     AppendEntries (thesis §10.2.1)            acknowledgement of AppendEntries
 *     refusals of every kind, conflict hints    a granted vote
 *     Heartbeat, HeartbeatReply                 the RequestVote of a candidacy
 *     PreVote and its reply                     the candidate's vote for itself, in its count
 *     ReadIndex messages, TimeoutNow            the leader's own copy, in its count
 *                                               HeartbeatReply, until its term is durable
 *
 * What waits is held inside the core (write_queue.ts) and comes out of a later `ready()`: a node
 * cannot send early what it does not have. Term, vote and entries that belong together are one
 * write, hence one transaction. commitIndex rides along and never causes a write: after a restart
 * it is old, and the next leader says more. Entries are applied up to min(commitIndex, what is
 * durable here), so a restarted node never finds its store ahead of its log.
 *
 * Several writes may be under way. A truncation lowers the stable index when it is decided, not
 * when it is written; and a finished write speaks only for entries that nobody has replaced since
 * it was handed out, not even if the same entry came back meanwhile, because a later write will
 * take it away first (the ABA problem). For the same reason a position is always index *and* term.
 *
 * A disk or a store that does not move for electionTimeoutMaxMs makes a leader step down, however
 * well its timers run, and keeps it from campaigning until it has moved.
 *
 * # Votes
 *
 * (a) A request for a vote is ignored, and its term not adopted, by a leader that a quorum
 *     answers, and by everybody who heard a leader, or started, less than electionTimeoutMinMs
 *     ago (thesis §4.2.3). Starting counts, because a lease may stand that relies on this node.
 *     Not so in the term of the birth: it has no leader, and whoever has answered a heartbeat is
 *     durably in a later one. So a new cluster has its leader as soon as its members are there;
 *     the election timeout is then what is drawn at random, without electionTimeoutMinMs.
 *     The flag `transfer` overrules this: then the leader itself wants it so.
 * (b) Whoever speaks in a lower term learns the present one: a leader by the answer to its
 *     AppendEntries or heartbeat, an asker by the refusal. Else a deposed leader would lead on.
 * (c) A pre-vote is asked for term + 1. It changes nothing durable, several may be granted, and a
 *     voter in a lower term takes part: its grant counts, whatever term it comes from, as long as
 *     it names the round. A refusal in a higher term is adopted.
 * (d) TimeoutNow is obeyed only in the present term, from its leader, by who may campaign.
 * (e) A vote goes to whoever asks with a good log, also to who is no voter by one's own
 *     configuration, which may be old (thesis §4.2.2). *Counting* asks the configuration: only
 *     voters of those that are in effect at the counter, and a majority of each.
 * (f) Stepping down for lack of a quorum (check-quorum, thesis §6.2), or for any other reason
 *     within a term, keeps term and vote.
 * (g) A node campaigns when it is a voter in its effective configuration, or in one from the
 *     committed one on, is not recovering, has a store that reaches its log's boundary, and a disk
 *     that moves. Those before the effective one count, because of thesis §4.2.2: a server that is
 *     leaving may hold the only log by which the change can still be finished. It does not count
 *     itself.
 * (h) For the same reason a node that is none of this, a learner, campaigns when it hears no leader
 *     and is asked for a pre-vote that it has to refuse because its own log is longer: whoever asks
 *     counts on its vote. It leads until its no-op is committed, takes no proposals, and hands
 *     over.
 *
 * # Time
 *
 * All times are milliseconds of a monotonic clock, handed in with each step. After a gap of more
 * than electionTimeoutMinMs between two steps the process stood still, and what others said
 * meanwhile may still wait in its sockets: the next tick then restarts timers instead of firing
 * them, and a leader does not hold the silence against its peers. A sole voter waits for nobody,
 * once the configuration that makes it so is committed.
 *
 * # Reads
 *
 * A linearizable read writes nothing (thesis §6.4). The leader notes its commit index, makes sure
 * that a quorum still follows it, and lets the store be read once it has applied that index. The
 * proof is a *round*: a number in the heartbeats of one leadership. Reply n confirms all rounds up
 * to n, and a read is confirmed only by a round that began after it arrived. Many reads share a
 * round; a heartbeat checks no log and may overtake entries. A follower asks its leader for the
 * index and serves the read itself; what it has asked is dropped after an election timeout or when
 * the leader changes, and asked again under a new id, because an old answer would be too old for
 * readers that joined later.
 *
 * Where configured, a leader answers from its lease without a round (§6.4.1): for
 * electionTimeoutMinMs, less the drift of clocks and a margin, after the *send* time of the newest
 * confirmed round, nobody who confirmed it votes for another. The lease is void once a TimeoutNow
 * was sent, for the rest of the term, and after a gap between steps of more than half the minimum,
 * until a round that was sent later is confirmed.
 *
 * # Membership
 *
 * A configuration is an entry, in effect from its append on and as long as it is not truncated
 * (thesis §4.1). A change of voters goes through joint consensus (§4.3): the leader appends
 * C_old,new, which needs a majority of both; once that is committed it appends C_new, which alone
 * counts from then on. A new leader that finds C_old,new goes on from there. What touches no voter
 * is one entry. At most one change is under way, none begins before the leader has committed an
 * entry of its own term (the erratum of 2015), and the caller names the configuration that it saw.
 *
 * A leader that is not in C_new leads until C_new is committed, without counting itself, appends
 * nothing behind it, and hands over: the voter of C_new that holds most is told to campaign at once
 * (§3.10). If that is lost, the others wait for an election timeout. Ids are never reused
 * (`nodeIdMax`), so whoever is not listed and not above it was removed: its messages are dropped,
 * its requests for votes are answered `notMember` with the position that removed it, and it stops
 * asking. Learners and readOnly members get entries and count in nothing.
 *
 * # Leadership transfer
 *
 * Thesis §3.10: the leader takes no proposals, brings the target up to date, and sends TimeoutNow.
 * If nobody takes over within electionTimeoutMinMs it serves on; a lost message does no harm. Where
 * no target is named, it is who holds most of those that were heard and need no image.
 *
 * # Messages get lost
 *
 * Nothing is repeated by timers of its own. The leader keeps a window of AppendEntries under way
 * (progress.ts). If a peer answers heartbeats but has acknowledged nothing for two of them while
 * something is under way, or says that it knows less than it did (it restarted), or a stream to it
 * closes, the leader goes back to probing from what is known: one message at a time until one
 * matches. Each time it begins another attempt, and answers to earlier ones change nothing in that,
 * so that messages never multiply. A peer that cannot be reached costs one heartbeat at a time.
 *
 * # Snapshots
 *
 * The store is its own snapshot (paper §7): once it is durable up to an index, the log may begin
 * behind it. Each node decides that for itself (`compact`); the *boundary* keeps position, cluster
 * time and configuration of the last entry that went. A peer whose next entry is gone, or whose
 * store was put back to before its boundary, gets an image of the leader's store. The leader only
 * says who wants one (snapshot_peers.ts): making images, sending them in pieces and going on where
 * a transfer broke off is the node's work, and the chunks pass the same term gate as all else.
 *
 * At the follower (installation.ts) the whole image lies beside the live store before anything is
 * decided. One write then replaces the whole log by the boundary, and when it is durable the store
 * is exchanged; a crash in between is finished at the next start. An image of what is committed
 * here changes nothing, and a log that holds the image's position keeps what lies behind it,
 * because that may have been acknowledged.
 *
 * # Recovering
 *
 * A disk may lose what it had reported durable: behind its mark, a damaged entry, a log that ends
 * before what is applied (node/recovery.ts finds out). Such a node may have acknowledged entries,
 * or given a vote, that it does not know of any more. If it voted as if nothing had happened, it
 * could help to elect a leader without a committed entry. So it starts *recovering*:
 *
 * - Its term is the highest that it may have been in, and the vote of that term counts as given, as
 *   does that of every term which it enters before it has recovered.
 * - It grants no vote and no pre-vote, and does not campaign. It appends and acknowledges.
 * - Its `logEpoch` is raised, and every envelope carries it. A leader that sees a higher one
 *   forgets what the peer had acknowledged; acknowledgements of an older epoch are dropped.
 *
 * Recovering ends by an AppendEntries or Heartbeat that is addressed to the new epoch and names a
 * leaderCommit up to which the log is verified and durable here, *if the entry there is of the
 * leader's own term*. Why each condition: only a leader that has committed in its own term knows
 * all that is committed, so a lower leaderCommit proves nothing (the transcript
 * restart/recovering_ends_in_the_leaders_own_term.txt loses a committed entry without it); and a
 * leader that does not know of the new epoch may still commit by counting an old acknowledgement.
 *
 * Where an older copy of raft.db was put back, and its mark and the store are gone as well, nothing
 * on the disk tells. But the others know what was said: each heartbeat names the last position that
 * its leader counts as acknowledged by the receiver, and each envelope the newest epoch of the
 * receiver that its sender has heard of. Who has less than that has lost something (loss.ts has the
 * proof). It answers nothing any more, hands out the epoch under which it has to recover, and ends;
 * it heals when it is started again. If the leader dies before it has told, nobody finds out: no
 * protocol outlives a majority that forgets without a trace. Nor does anything tell a node that its
 * mark was put back too whether it had voted in a higher term than that in which it is healed; such
 * a vote may still be under way, and together with a second one elect two leaders.
 *
 * # What is left out, and why
 *
 * - Byzantine faults. Peers are trusted to run this program; frames are checked at the edge
 *   (checksums, bounds), and what a peer may send late, twice or never is handled.
 * - Single-server membership changes (thesis §4.1). Joint consensus covers them, and one way is
 *   less to get wrong than two.
 * - Forwarding of proposals. A follower says who leads; who forwards is a layer above
 *   (service/leader_proxy.ts), and there a lost answer can be told as unknown.
 * - Deduplication of retried proposals (§8). It is part of the command and decided when applied.
 * - When to promote a learner, and when to remove a dead voter: policy of who asks for it.
 * - A switch for pre-vote, check-quorum or anything else that would alter the protocol.
 */

export { RaftCore } from "./core.ts";
export {
  formatConfiguration,
  formatEntries,
  formatEntry,
  formatEnvelope,
  formatLeadership,
  formatLoss,
  formatOutcome,
  formatPeer,
  formatPosition,
  formatReady,
  formatStatus,
  formatWrite,
} from "./format.ts";
export type { Input } from "./input.ts";
export { checkLog, checkStatus, checkStep } from "./invariants.ts";
export type { Envelope, Message } from "./message.ts";
export type { LogReader, Rng } from "./ports.ts";
export type { Heard, Leadership, LogWrite, Loss, Outcome, Ready } from "./ready.ts";
export type { PeerStatus, RaftStatus } from "./status.ts";
export type {
  Boundary,
  Configuration,
  ConfigurationChange,
  CoreIdentity,
  Entry,
  HardState,
  LogPosition,
  Member,
  PositionedConfiguration,
  RaftOptions,
  ReadId,
  RestoredState,
  Role,
  SnapshotMeta,
} from "./types.ts";
