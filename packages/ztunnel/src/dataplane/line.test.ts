// Questions and answers between two ends of a real MessagePort: both ways, in order, with faults that arrive as they left.
// Beside line.ts; over worker threads it is exercised by the data plane's compliance suite.
// Everything that crosses is cloned, so that nothing is shared by accident.
import { MessageChannel } from 'node:worker_threads';
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { afterEach, expect, test } from 'vitest';
import { Line } from './line.ts';

const open: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of open.splice(0)) for (const port of [port1, port2]) port.close();
});

function joined(near: (body: unknown) => unknown, far: (body: unknown) => unknown) {
  const channel = new MessageChannel();
  open.push(channel);
  return { near: new Line<unknown, unknown>(channel.port1, near), far: new Line<unknown, unknown>(channel.port2, far) };
}
const mustNotBeAsked = (body: unknown): never => {
  throw new Error(`asked ${JSON.stringify(body)}`);
};

test('both ends ask and answer', async () => {
  const { near, far } = joined(
    (body) => `near had ${body}`,
    (body) => `far had ${body}`,
  );
  expect(await Promise.all([near.ask('a'), far.ask('b'), near.ask('c')])).toEqual(['far had a', 'near had b', 'far had c']);
});

test('questions arrive in order, answers belong to their questions whatever the order', async () => {
  const heard: unknown[] = [];
  const slow = Promise.withResolvers<string>();
  const { near } = joined(mustNotBeAsked, (body) => {
    heard.push(body);
    return body === 'slow' ? slow.promise : body;
  });
  const first = near.ask('slow');
  expect(await near.ask('fast')).toBe('fast');
  slow.resolve('at last');
  expect(await first).toBe('at last');
  expect(heard).toEqual(['slow', 'fast']);
});

test('nothing is an answer too', async () => {
  const { near } = joined(mustNotBeAsked, () => undefined);
  expect(await near.ask('x')).toBeUndefined();
});

test('a fault crosses as data, with its text', async () => {
  const fault = { code: 'host.bind', errno: 'EADDRINUSE', port: 15008 };
  const { near } = joined(mustNotBeAsked, () => {
    throw new MeshError(fault, 'cannot bind 15008');
  });
  const why = await near.ask('x').catch((e: unknown) => e);
  expect(isFault(why, 'host.bind')).toBe(true);
  expect(why).toMatchObject({ fault, message: 'cannot bind 15008' });
});

test('the causes of a fault are told in its text', async () => {
  const { near } = joined(mustNotBeAsked, async () => {
    throw new MeshError({ code: 'a' }, 'cannot do it', new Error('too late'));
  });
  await expect(near.ask('x')).rejects.toThrow('cannot do it: too late');
});

test('what nobody planned crosses as a fault of its own', async () => {
  const { near } = joined(mustNotBeAsked, () => {
    throw new TypeError('undefined is no function');
  });
  await expect(near.ask('x')).rejects.toMatchObject({ fault: { code: 'thread.failed' }, message: 'undefined is no function' });
});

test('an answer that cannot be cloned fails its question, not the thread', async () => {
  const { near } = joined(mustNotBeAsked, () => () => {});
  await expect(near.ask('x')).rejects.toMatchObject({ fault: { code: 'thread.failed' } });
  await expect(near.ask('x')).rejects.toThrow('could not be cloned');
});

test('a question that cannot be cloned fails alone', async () => {
  const { near } = joined(mustNotBeAsked, (body) => body);
  await expect(near.ask(() => {})).rejects.toThrow('could not be cloned');
  expect(await near.ask('x')).toBe('x');
});

test('a closed line fails what waits and what comes later, with the first reason', async () => {
  const { near } = joined(mustNotBeAsked, () => new Promise(() => {}));
  const waiting = near.ask('x');
  near.close(new Error('thread ended'));
  near.close(new Error('and again'));
  await expect(waiting).rejects.toThrow('thread ended');
  await expect(near.ask('y')).rejects.toThrow('thread ended');
});

test('an answer after the close is ignored', async () => {
  const answer = Promise.withResolvers<string>();
  const { near, far } = joined(
    () => 'still here',
    () => answer.promise,
  );
  const waiting = near.ask('x');
  near.close(new Error('closed'));
  await expect(waiting).rejects.toThrow('closed');
  answer.resolve('late');
  expect(await far.ask('y')).toBe('still here');
});
