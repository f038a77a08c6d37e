// The tunnel's side of ZDS: what follows from what the agent says, as tables of steps.
// Sockets, timers and real descriptors are in client.test.ts.
import { describe, expect, test } from 'vitest';
import { readAck, readHello, writeRequest, type ZdsRequest } from './codec.ts';
import { type NetnsFd, type ZdsAction, ZdsSession } from './session.ts';

const info = { name: 'p', namespace: 'n', serviceAccount: 's' };
const ns = (fd: number, netns = `netns-${fd}`): NetnsFd => ({ fd, netns });
const add = (uid: string): ZdsRequest => ({ is: 'add', uid, pod: info });
const snapshot: ZdsRequest = { is: 'snapshot-sent' };

/** One line per action, so that tables read like a conversation. */
function told(action: ZdsAction): string {
  switch (action.do) {
    case 'send': {
      const ack = readAck(action.bytes);
      return 'error' in ack ? `ack ${ack.error || 'ok'}` : 'unreadable';
    }
    case 'start':
      return `start ${action.pod.uid} with ${action.netns.fd}`;
    case 'stop':
      return `stop ${action.uid}`;
    case 'close':
      return `close ${action.fd}`;
    case 'ready':
      return action.ready ? 'ready' : 'not ready';
    case 'disconnect':
    case 'give-up':
      return action.do;
    default:
      return action.do;
  }
}

/** Plays a session whose pods of `broken` fail to start. */
class Play {
  readonly session = new ZdsSession();
  readonly broken = new Set<string>();

  say(request: ZdsRequest, ...fds: NetnsFd[]): string[] {
    return this.#after(this.session.step({ on: 'packet', bytes: writeRequest(request), fds }));
  }

  raw(bytes: Uint8Array, ...fds: NetnsFd[]): string[] {
    return this.#after(this.session.step({ on: 'packet', bytes, fds }));
  }

  on(on: 'retry' | 'disconnected'): string[] {
    return this.#after(this.session.step({ on }));
  }

  pods(): string[] {
    return [...this.session.pods()].map(({ pod, state }) => `${pod.uid} ${state}`);
  }

  #after(actions: readonly ZdsAction[]): string[] {
    return actions.flatMap((action) => {
      if (action.do !== 'start') return [told(action)];
      const { uid } = action.pod;
      const outcome = this.broken.has(uid) ? { error: 'port in use' } : {};
      return [told(action), ...this.#after(this.session.step({ on: 'started', uid, ...outcome }))];
    });
  }
}

/** A session with `a` running in netns-1, after the snapshot. */
function withA(): Play {
  const play = new Play();
  play.say(add('a'), ns(1));
  play.say(snapshot);
  return play;
}

test('the first packet of a connection is the hello', () => {
  const [hello] = new ZdsSession().step({ on: 'connected' });
  expect(hello?.do === 'send' && readHello(hello.bytes)).toEqual({ version: 1 });
});

describe('add', () => {
  test('starts the pod, then answers; the node is ready with the snapshot', () => {
    const play = new Play();
    expect(play.say(add('a'), ns(1))).toEqual(['start a with 1', 'ack ok']);
    expect(play.say(snapshot)).toEqual(['ack ok', 'ready']);
    expect(play.pods()).toEqual(['a up']);
  });

  test('of the same uid and namespace changes nothing; the second descriptor is closed', () => {
    expect(withA().say(add('a'), ns(2, 'netns-1'))).toEqual(['close 2', 'ack ok']);
  });

  test('of the same uid in another namespace stops the old pod before it starts the new one', () => {
    const play = withA();
    expect(play.say(add('a'), ns(2))).toEqual(['stop a', 'start a with 2', 'ack ok']);
    expect(play.pods()).toEqual(['a up']);
  });

  test('after a delete starts again', () => {
    const play = withA();
    play.say({ is: 'del', uid: 'a' });
    expect(play.say(add('a'), ns(2, 'netns-1'))).toEqual(['start a with 2', 'ack ok']);
  });

  test('that fails answers with the error, is not ready, and is retried', () => {
    const play = withA();
    play.broken.add('b');
    expect(play.say(add('b'), ns(2))).toEqual(['start b with 2', 'ack port in use', 'retry-later', 'not ready']);
    expect(play.pods()).toEqual(['a up', 'b pending']);
    expect(play.on('retry')).toEqual(['start b with 2', 'retry-later']);
    play.broken.clear();
    expect(play.on('retry')).toEqual(['start b with 2', 'ready']);
    expect(play.pods()).toEqual(['a up', 'b up']);
  });

  test('that fails before the snapshot keeps the node unready after it', () => {
    const play = new Play();
    play.broken.add('b');
    play.say(add('b'), ns(2));
    expect(play.say(snapshot)).toEqual(['ack ok']);
    play.broken.clear();
    expect(play.on('retry')).toEqual(['start b with 2', 'ready']);
  });

  test('of a pending pod with a good namespace replaces the pending one', () => {
    const play = withA();
    play.broken.add('b');
    play.say(add('b'), ns(2));
    play.broken.clear();
    expect(play.say(add('b'), ns(3))).toEqual(['close 2', 'start b with 3', 'ack ok', 'ready']);
    expect(play.on('retry')).toEqual([]);
  });
});

describe('del', () => {
  test('after the snapshot stops the pod', () => {
    const play = withA();
    expect(play.say({ is: 'del', uid: 'a' })).toEqual(['stop a', 'ack ok']);
    expect(play.pods()).toEqual([]);
  });

  test('of an unknown uid is fine', () => {
    expect(withA().say({ is: 'del', uid: 'x' })).toEqual(['ack ok']);
  });

  test('of a pending pod clears it, and the node is ready again', () => {
    const play = withA();
    play.broken.add('b');
    play.say(add('b'), ns(2));
    expect(play.say({ is: 'del', uid: 'b' })).toEqual(['close 2', 'ack ok', 'ready']);
    expect(play.on('retry')).toEqual([]);
  });

  test('before the snapshot forgets the announcement: what runs is stopped when the snapshot comes', () => {
    const play = withA();
    play.on('disconnected');
    play.say(add('a'), ns(2, 'netns-1'));
    expect(play.say({ is: 'del', uid: 'a' })).toEqual(['ack ok']);
    expect(play.pods()).toEqual(['a up']);
    expect(play.say(snapshot)).toEqual(['stop a', 'ack ok', 'ready']);
  });
});

describe('a new connection', () => {
  test('leaves pods running, but unready, and forgets what is pending', () => {
    const play = withA();
    play.broken.add('b');
    play.say(add('b'), ns(2));
    expect(play.on('disconnected')).toEqual(['close 2']);
    expect(play.pods()).toEqual(['a up']);
  });

  test('makes a ready node unready', () => {
    expect(withA().on('disconnected')).toEqual(['not ready']);
  });

  test('keep preserves a running pod over the new snapshot', () => {
    const play = withA();
    play.on('disconnected');
    expect(play.say({ is: 'keep', uid: 'a' })).toEqual(['ack ok']);
    expect(play.say(snapshot)).toEqual(['ack ok', 'ready']);
    expect(play.pods()).toEqual(['a up']);
  });

  test('keep of an unknown uid is fine', () => {
    expect(new Play().say({ is: 'keep', uid: 'x' })).toEqual(['ack ok']);
  });

  test('a pod missing from its snapshot is stopped', () => {
    const play = withA();
    play.on('disconnected');
    play.say(add('b'), ns(2));
    expect(play.say(snapshot)).toEqual(['stop a', 'ack ok', 'ready']);
    expect(play.pods()).toEqual(['b up']);
  });
});

describe('the agent is given up on after', () => {
  const rows: readonly (readonly [mistake: string, request: ZdsRequest, fds: readonly NetnsFd[], want: readonly string[]])[] = [
    ['add without workload info', { is: 'add', uid: 'b' }, [ns(2)], ['close 2', 'ack add without workload info', 'give-up']],
    ['keep after the snapshot', { is: 'keep', uid: 'a' }, [], ['ack keep after the snapshot', 'give-up']],
    ['a second snapshot', snapshot, [], ['ack a second snapshot', 'give-up']],
  ];
  test.each(rows)('%s', (_mistake, request, fds, want) => {
    expect(withA().say(request, ...fds)).toEqual(want);
  });
});

describe('a packet that cannot be read is answered, its descriptors closed, and the connection dropped:', () => {
  const rows: readonly (readonly [what: string, bytes: Uint8Array, fds: readonly NetnsFd[], closed: readonly string[]])[] = [
    ['garbage', Buffer.from('ffff', 'hex'), [], []],
    ['an empty payload', new Uint8Array(), [], []],
    ['add without a descriptor', writeRequest(add('b')), [], []],
    ['add with two', writeRequest(add('b')), [ns(2), ns(3)], ['close 2', 'close 3']],
    ['del with one', writeRequest({ is: 'del', uid: 'a' }), [ns(2)], ['close 2']],
  ];
  test.each(rows)('%s', (_what, bytes, fds, closed) => {
    const said = withA().raw(bytes, ...fds);
    expect(said.slice(0, closed.length)).toEqual(closed);
    expect(said.slice(closed.length)).toEqual([expect.stringMatching(/^ack unreadable packet: /), 'disconnect']);
  });
});
