// Answers one pod's DNS messages: the mesh's own names at once (answer.ts), the rest from upstream (forward.ts), each counted and logged.
// Given to serve.ts as its `answer`; the pod, not the sender's address, is the client, because the sockets are in the pod's namespace.
// Whatever happens a message gets at most one reply, and a failure of ours is SERVFAIL.
import type { Workload } from '@ambient-mesh/model/workload';
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Scope } from '@ambient-mesh/runtime/log';
import type { DnsCall, DnsMetrics } from '../telemetry/dns-metrics.ts';
import { type LocalAnswer, typeName } from './answer.ts';
import type { Forward, Forwarded } from './forward.ts';
import { errorReply, ownAnswer, type Query, rcodeOf, rcodes, readQuery, relay, type Transport } from './message.ts';
import type { Answer } from './pending.ts';

export interface DnsProxyPorts {
  /** The pod as the mesh knows it; waits up to 5 s for it. `undefined` when it stays unknown. */
  readonly client: () => Promise<Workload | undefined>;
  /** The mesh's word on a name. Pure look-up in the current model. */
  readonly local: (query: Query, client: Workload) => LocalAnswer;
  readonly forward: Forward;
  readonly metrics: DnsMetrics;
  /** The scope of the target `dns`. */
  readonly log: Scope;
}

/** A reply, and the words under which it is logged. */
interface Outcome {
  readonly reply: Buffer;
  readonly result: string;
  readonly endpoints?: number;
}

export function dnsProxy(ports: DnsProxyPorts): Answer {
  return async (message, transport, signal) => {
    const reading = readQuery(message, transport);
    if (reading === 'ignore') return undefined;
    if ('reply' in reading) return reading.reply;
    const { query } = reading;
    const client = await ports.client();
    const call = ports.metrics.request(typeName(query.type), transport, client);
    const outcome = await answerQuery(ports, query, client, () => forwarded(ports.forward, call, query, transport, signal));
    logQuery(ports.log, query, client, outcome);
    return outcome.reply;
  };
}

async function answerQuery(
  ports: DnsProxyPorts,
  query: Query,
  client: Workload | undefined,
  forward: () => Promise<Outcome>,
): Promise<Outcome> {
  if (client === undefined) return { reply: errorReply(query, rcodes.servFail), result: 'unknown source workload' };
  try {
    const found = ports.local(query, client);
    if (found === 'forward') return await forward();
    return { reply: ownAnswer(query, found), result: found.ips.length > 0 ? 'success' : 'no records', endpoints: found.ips.length };
  } catch (e) {
    ports.log.error('DNS query failed', [['error', describeError(e)]]);
    return { reply: errorReply(query, rcodes.servFail), result: `failed (${describeError(e)})` };
  }
}

/** The upstream's answer, its code included; silence and network errors become SERVFAIL. */
async function forwarded(forward: Forward, call: DnsCall, query: Query, transport: Transport, signal: AbortSignal): Promise<Outcome> {
  const upstream = call.forwarding();
  const got = await forward(query, transport, signal);
  const problem = problemOf(got);
  upstream.done(problem !== undefined);
  const reply = 'response' in got ? relay(got.response, query) : errorReply(query, rcodes.servFail);
  return { reply, result: problem === undefined ? 'forwarded' : `forwarding failed (${problem})` };
}

function problemOf(got: Forwarded): string | undefined {
  if ('failed' in got) return got.failed;
  const rcode = rcodeOf(got.response);
  if (rcode === rcodes.noError) return undefined;
  return rcode === rcodes.nxDomain ? 'no such name' : `response code ${rcode}`;
}

function logQuery(log: Scope, query: Query, client: Workload | undefined, { result, endpoints }: Outcome): void {
  if (!log.enabled('debug')) return;
  log.debug('DNS query', [
    ['src.workload', client?.name ?? 'unknown'],
    ['src.namespace', client?.namespace ?? 'unknown'],
    ['query', typeName(query.type).toUpperCase()],
    ['domain', query.name],
    ['result', result],
    ['endpoints', endpoints ?? 0],
  ]);
}
