// The calls that the baseline makes from every pod to everything, and what may be said of their results. Pure.
// Used by traffic.test.ts; a result that is as it should be is left out, so that what is left is the report.
import type { CallOrder, CallResult, EchoProtocol } from '../../lab/cluster/apps/echo-protocol.ts';
import { servicePorts } from './echo-apps.ts';

/** By name of the Service's port. */
const protocolOf: Readonly<Record<keyof typeof servicePorts, EchoProtocol>> = {
  http: 'http',
  'http-localhost': 'http',
  'http-instance-ip': 'http',
  http2: 'http2',
  grpc: 'grpc',
  https: 'https',
  tcp: 'tcp',
  'tcp-server-first': 'tcp-server-first',
  'auto-http': 'http',
  'auto-https': 'https',
  'auto-tcp': 'tcp',
  'tcp-for-http': 'http',
};

export type PortName = keyof typeof servicePorts;
const portNames = Object.keys(servicePorts) as readonly PortName[];

/** One call for each port; enough of `http` for every backend to be met. */
export const callsTo = (host: string): readonly CallOrder[] =>
  portNames.map((name) => ({
    protocol: protocolOf[name],
    host,
    port: servicePorts[name],
    ...(name === 'http' && { count: 20 }),
    ...(name === 'http-localhost' && { timeoutMs: 2_000 }),
  }));

export interface Expectation {
  /** Pods that may answer. */
  readonly backends: readonly string[];
  readonly self: string;
  /** Of the caller, in the family of the call; undefined: not looked at. */
  readonly peer: string | undefined;
}

/** Headers that only a proxy of layer 7 would add. */
const foreignHeaders = ['x-request-id', 'x-envoy-peer-metadata', 'x-envoy-peer-metadata-id', 'x-forwarded-for', 'x-forwarded-proto'];

/** What is wrong, by name of the port; empty: nothing. @param results of as many ports as were asked, from the first */
export function wrongs(results: readonly (readonly CallResult[])[], expectation: Expectation): Record<string, string> {
  const wrong = portNames.slice(0, results.length).flatMap((name, i) => {
    const all = results[i] ?? [];
    const why = name === 'http-localhost' ? reached(all) : all.map((each) => wrongWith(each, protocolOf[name], expectation)).find(Boolean);
    return why === undefined ? [] : [[name, why] as const];
  });
  return Object.fromEntries(wrong);
}

const reached = (results: readonly CallResult[]): string | undefined =>
  results.some(({ answer }) => answer !== undefined) ? 'a port that only the pod itself may reach was reached' : undefined;

function wrongWith({ answer, error }: CallResult, protocol: EchoProtocol, { backends, self, peer }: Expectation): string | undefined {
  if (answer === undefined) return error ?? 'nothing';
  if (answer.protocol !== protocol || answer.body !== 'hello') return `answered ${answer.protocol}: ${answer.body}`;
  if (!backends.includes(answer.pod)) return `${answer.pod} answered`;
  // Who meets itself behind a Service is shown another address by many networks.
  if (peer !== undefined && answer.pod !== self && answer.peer !== peer) return `the server saw ${answer.peer} for ${peer}`;
  const foreign = foreignHeaders.filter((name) => name in answer.headers);
  return foreign.length === 0 ? undefined : `the server saw ${foreign.join(', ')}`;
}

/** The pods that answered the twenty. */
export const met = (results: readonly (readonly CallResult[])[]): readonly string[] => [
  ...new Set((results[portNames.indexOf('http')] ?? []).flatMap(({ answer }) => answer?.pod ?? [])),
];
