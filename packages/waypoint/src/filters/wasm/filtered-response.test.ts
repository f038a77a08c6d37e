// An answer that somebody is shown first: nothing goes out before the verdict, nothing is lost or doubled after it, whoever sends is slowed down.
import { expect, test } from 'vitest';
import { TestClient } from '../../testing/exchange.ts';
import { FilteredResponse, type Shown } from './filtered-response.ts';

const ok = { status: 200, headers: [] };

class Scene {
  readonly client = new TestClient({ bodyless: false });
  readonly verdict = Promise.withResolvers<Shown>();
  /** What whoever answers was told. */
  readonly told: string[] = [];
  readonly response = new FilteredResponse(this.client, () => this.verdict.promise);

  constructor() {
    this.response.receive({
      data: (bytes) => void this.told.push(`data:${bytes.toString()}`),
      end: () => void this.told.push('end'),
      drained: () => void this.told.push('drained'),
      closed: (how) => void this.told.push(how === 'finished' ? how : how.fault.code),
    });
  }

  write(text: string): boolean {
    return this.response.write(Buffer.from(text));
  }

  async decide(verdict: Shown): Promise<void> {
    this.verdict.resolve(verdict);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('waits, then goes out whole and in order', async () => {
  const scene = new Scene();
  scene.response.respond(ok, false);
  expect([scene.write('a'), scene.write('b')]).toEqual([false, false]);
  scene.response.end([['t', '1']]);
  expect(scene.client.got).toEqual([]);
  await scene.decide({ status: 201, headers: [['x', 'y']] });
  expect(scene.client.got).toEqual(['201', 'body:a', 'body:b', 'trailers:t=1', 'end']);
  expect(scene.client.answer?.headers).toEqual([['x', 'y']]);
});

test('that has more to come is asked for it when there is room', async () => {
  const scene = new Scene();
  scene.response.respond(ok, false);
  scene.write('a');
  await scene.decide(ok);
  expect(scene.told).toEqual(['drained']);
  expect(scene.write('b')).toBe(true);
  scene.response.end();
  expect(scene.client.got).toEqual(['200', 'body:a', 'body:b', 'end']);
});

test('is not asked for more while the client is slow', async () => {
  const scene = new Scene();
  scene.client.room = false;
  scene.response.respond(ok, false);
  scene.write('a');
  await scene.decide(ok);
  expect(scene.told).toEqual([]);
});

test('is replaced by another; what follows it is swallowed', async () => {
  const scene = new Scene();
  scene.response.respond(ok, false);
  scene.write('a');
  await scene.decide({ instead: { status: 418, body: 'no' } });
  expect(scene.write('b')).toBe(true);
  scene.response.end();
  expect(scene.client.got).toEqual(['418', 'body:no', 'end']);
  expect(scene.told).toEqual(['finished']);
});

test('is dropped when the client goes away meanwhile', async () => {
  const scene = new Scene();
  scene.response.respond(ok, false);
  scene.write('a');
  scene.client.leave();
  await scene.decide(ok);
  expect(scene.client.got).toEqual([]);
  expect(scene.told).toEqual(['http.lost']);
});

test('is dropped when whoever answers gives up meanwhile', async () => {
  const scene = new Scene();
  scene.response.respond(ok, false);
  scene.response.abort();
  await scene.decide(ok);
  expect(scene.client.got).toEqual(['cut']);
});

test('goes out at once when nobody wants to see it', () => {
  const client = new TestClient();
  const response = new FilteredResponse(client, () => undefined);
  response.respond(ok, false);
  expect(response.write(Buffer.from('a'))).toBe(true);
  response.end();
  expect(client.got).toEqual(['200', 'body:a', 'end']);
});

test("the request's body goes its own way", () => {
  const scene = new Scene();
  scene.client.send('x');
  scene.client.sendEnd();
  expect(scene.told).toEqual(['data:x', 'end']);
  expect(scene.client.got).toEqual([]);
});
