// Probes as a kubelet makes them: from the node, at the pod's address, with thresholds before a change of mind.
// Used by container-run.ts. Commands are run by whoever gives `exec`.
import type { Netns } from '@ambient-mesh/host/netns';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { isServing } from '../../grpc-health.ts';
import { dialIn, httpIn } from '../../http.ts';
import type { Container, Probe } from '../objects.ts';

export interface ProbePorts {
  /** Where probes come from. */
  readonly netns: Netns;
  readonly podIp: string;
  readonly container: Container;
  /** Whether the command ended well. */
  readonly exec: (argv: readonly string[], signal: AbortSignal) => Promise<boolean>;
}

const impatientSeconds = 0.2;

export interface ProbeListener {
  readonly onResult: (ok: boolean) => void;
  readonly clock: Clock;
  /** Whether the first failures count as one, like all others. Default false: what has never worked does not work. */
  readonly patient?: boolean;
}

/** Calls `onResult` whenever the probe has changed its mind, the first time included, until aborted. */
export async function keepProbing(
  probe: Probe,
  ports: ProbePorts,
  { onResult, clock, patient = false }: ProbeListener,
  signal: AbortSignal,
): Promise<void> {
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3, successThreshold = 1 } = probe;
  const wait = async (seconds: number): Promise<void> => clock.sleep(ms(seconds * 1_000), signal).catch(() => {});
  let said: boolean | undefined;
  let streak = { ok: false, count: 0 };
  let hasWorked = patient;
  // What has just been started is asked more often: most programs of the lab are ready within half a second.
  const pause = (): number => (hasWorked ? periodSeconds : Math.min(periodSeconds, impatientSeconds));
  for (await wait(initialDelaySeconds); !signal.aborted; await wait(pause())) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1_000)]);
    const ok = await Promise.race([attempt(probe, ports, limit).catch(() => false), falseOn(limit)]);
    hasWorked ||= ok;
    streak = { ok, count: streak.ok === ok ? streak.count + 1 : 1 };
    const isSure = (said === undefined && !ok && !patient) || streak.count >= (ok ? successThreshold : failureThreshold);
    if (signal.aborted || !isSure || said === ok) continue;
    said = ok;
    onResult(ok);
  }
}

async function attempt(probe: Probe, ports: ProbePorts, signal: AbortSignal): Promise<boolean> {
  const { netns, podIp, container } = ports;
  const { httpGet, tcpSocket, grpc, exec } = probe;
  if (httpGet !== undefined) return answersWell(httpGet, ports, signal);
  if (tcpSocket !== undefined) return connects(netns, tcpSocket.host ?? podIp, portOf(tcpSocket.port, container), signal);
  if (grpc !== undefined) return isServing(netns, { host: podIp, ...grpc }, signal);
  return exec === undefined || ports.exec(exec.command ?? [], signal);
}

async function answersWell(get: NonNullable<Probe['httpGet']>, ports: ProbePorts, signal: AbortSignal): Promise<boolean> {
  const { host = ports.podIp, path = '/', scheme = 'HTTP', httpHeaders = [] } = get;
  const { status } = await httpIn(ports.netns, {
    host,
    port: portOf(get.port, ports.container),
    path,
    headers: { 'user-agent': 'kube-probe', ...Object.fromEntries(httpHeaders.map(({ name, value }) => [name.toLowerCase(), value])) },
    unverifiedTls: scheme === 'HTTPS',
    signal,
  });
  return status >= 200 && status < 400;
}

function portOf(port: number | string, { ports = [] }: Container): number {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

function connects(netns: Netns, ip: string, port: number, signal: AbortSignal): Promise<boolean> {
  const socket = dialIn(netns, ip, port);
  const answer = new Promise<boolean>((resolve) => {
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  return answer.finally(() => socket.destroy());
}

const falseOn = (signal: AbortSignal): Promise<false> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(false);
    else signal.addEventListener('abort', () => resolve(false), { once: true });
  });
