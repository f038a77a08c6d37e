// A session under test: its peer speaks frame by frame, its clock stands still, and nothing leaves the process.
// Used by the session tests of h2/.
import type { MeshError } from '@ambient-mesh/runtime/errors';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { H2Session, type SessionFault, type SessionOptions } from '../h2/session.ts';
import { clientSettings, type H2Settings, serverSettings } from '../h2/settings.ts';
import type { H2Stream } from '../h2/stream.ts';
import type { HeaderList } from '../http/message.ts';
import { headers, linked, RawPeer } from './hbone-frames.ts';

/** One end of a session. */
export interface Closed {
  readonly fault: MeshError<SessionFault> | undefined;
}

export interface Rig {
  readonly session: H2Session;
  readonly peer: RawPeer;
  readonly clock: FakeClock;
  /** Streams that were requested (server). */
  readonly requested: H2Stream[];
  readonly closed: Closed[];
  /** Lets everything that is under way arrive. */
  settle(): Promise<void>;
}

export function rig(role: 'client' | 'server', changes: Partial<H2Settings> = {}, greet = true): Rig {
  const [near, far] = linked();
  const clock = fakeClock();
  const requested: H2Stream[] = [];
  const closed: Closed[] = [];
  const options: SessionOptions = { role, clock, settings: { ...(role === 'client' ? clientSettings : serverSettings), ...changes } };
  const session = new H2Session(near, options, {
    request: (stream) => void requested.push(stream),
    closed: (fault) => void closed.push({ fault }),
  });
  const peer = new RawPeer(far, role === 'client' ? 'server' : 'client', greet);
  const settle = async () => {
    for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { session, peer, clock, requested, closed, settle };
}

const ok: HeaderList = [[':status', '200']];
export const request: HeaderList = [
  [':method', 'CONNECT'],
  [':authority', '10.0.0.2:80'],
];

/** A client session with an answered stream. */
export async function openStream(r: Rig): Promise<H2Stream> {
  const stream = r.session.open(request, { answered: () => {}, failed: () => {} });
  if (stream === undefined) throw new Error('not opened');
  r.peer.send(headers(stream.id, ok));
  await r.settle();
  return stream;
}
