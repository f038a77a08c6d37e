// Events posted to the API server: what they say, and that the same news only counts up.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { systemClock } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { type News, postEvent } from './events.ts';
import { ApiServer } from './testing/api-server.ts';

const news: News = {
  regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'a', name: 'web', uid: 'u1' },
  reason: 'Unenforced',
  note: 'nobody enforces this',
  type: 'Warning',
  action: 'Translate',
  reporter: 'istio.io/istiod-lite',
  instance: 'istiod-0',
};

test('the same news counts up, other news is another event', async () => {
  await using api = await ApiServer.start();
  await using client = new KubeClient(api.access, { clock: systemClock });
  const clock = fakeClock();
  for (let i = 0; i < 3; i++) await postEvent(client, news, { clock });
  await postEvent(client, { ...news, note: 'something else' }, { clock });
  const [first, second] = api.objects.all('/apis/events.k8s.io/v1/events');
  expect(first).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'a' },
    regarding: news.regarding,
    reportingController: 'istio.io/istiod-lite',
    eventTime: '2026-01-01T00:00:00.000000Z',
    series: { count: 3, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
  });
  expect(first?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
  expect(second?.series).toBeUndefined();
});

test('news of an object outside namespaces goes to default; long names and notes are cut to what the server takes', async () => {
  await using api = await ApiServer.start();
  await using client = new KubeClient(api.access, { clock: systemClock });
  const regarding = { ...news.regarding, namespace: '', name: `${'a'.repeat(199)}.${'b'.repeat(53)}` };
  await postEvent(client, { ...news, regarding, note: 'é'.repeat(2_000) }, { clock: systemClock });
  const [event] = api.objects.all('/apis/events.k8s.io/v1/namespaces/default/events');
  expect(event?.metadata.name).toMatch(/^a{199}\.[0-9a-f]{16}$/);
  expect(event?.note).toBe(`${'é'.repeat(510)}...`);
});
