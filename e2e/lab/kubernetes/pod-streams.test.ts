// Logs of pods and streams into them reach whoever runs the pods; what is wrong is answered before.
import { once } from 'node:events';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { serverName } from './auth/cluster-keys.ts';
import { KubeApi } from './kube-api.ts';
import { hasKubectl, Kubectl } from './kubectl.ts';
import type { LogOptions, PodRuntime } from './pod-runtime.ts';
import { badRequest } from './status-error.ts';

const asked: LogOptions[] = [];

const runtime: PodRuntime = {
  async *logs(_pod, options) {
    asked.push(options);
    if (options.previous) throw badRequest('previous terminated container "c" in pod "p" not found');
    yield Buffer.from('one\n');
    yield Buffer.from('two\n');
  },
  upgrade({ subresource, pod, query, socket }) {
    const words = `${subresource} ${pod.metadata.name} ${query.getAll('command').join(' ')}`;
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n${words}`);
  },
};

describe('streams', () => {
  let api: KubeApi;
  let client: ApiClient;
  const pod = '/api/v1/namespaces/default/pods/p';

  beforeAll(async () => {
    api = await KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 }, runtime });
    client = new ApiClient(api);
    const spec = {
      containers: [
        { name: 'c', image: 'lab/echo' },
        { name: 'd', image: 'lab/echo' },
      ],
    };
    await client.post('/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec });
  });

  afterAll(async () => {
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  /** Status, and what came after the headers. */
  const upgrade = async (path: string, withCertificate = true): Promise<[number, string]> => {
    const { certPem, keyPem } = api.keys.admin;
    const credentials = withCertificate ? { cert: certPem, key: keyPem } : {};
    const headers = { connection: 'Upgrade', upgrade: 'test' };
    const sent = request({
      host: '127.0.0.1',
      port: api.port,
      servername: serverName,
      ca: api.keys.caPem,
      path,
      headers,
      agent: false,
      ...credentials,
    });
    sent.end();
    const [answer, socket, head] = await Promise.race([
      once(sent, 'upgrade'),
      once(sent, 'response').then(([response]) => [response, response, Buffer.alloc(0)]),
    ]);
    let text: string = head.toString();
    for await (const chunk of socket) text += chunk.toString();
    return [answer.statusCode, text];
  };

  test('logs come as they are, with the options that were asked for', async () => {
    const { text } = await client.get(`${pod}/log?container=d&tailLines=5&timestamps=true`);
    expect([text, asked.at(-1)]).toEqual([
      'one\ntwo\n',
      { container: 'd', follow: false, previous: false, timestamps: true, tailLines: 5, sinceSeconds: undefined },
    ]);
  });

  test('logs of a container that is not there, or that the runtime refuses, are a Status', async () => {
    expect((await client.get(`${pod}/log?container=x`)).body).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect((await client.get(`${pod}/log?previous=true`)).body).toMatchObject({ code: 400, message: expect.stringContaining('previous') });
    expect((await client.get('/api/v1/namespaces/default/pods/none/log')).status).toBe(404);
  });

  test.skipIf(!hasKubectl())('kubectl logs prints them', async () => {
    using kubectl = new Kubectl(api.kubeconfig());
    expect(await kubectl.ok('logs p -c c')).toBe('one\ntwo\n');
  });

  test('an upgrade is handed to the runtime with its pod and its query', async () => {
    expect(await upgrade(`${pod}/exec?command=ls&command=-l`)).toEqual([101, 'exec p ls -l']);
  });

  test('upgrades without credentials, to no pod, or against a test’s will are refused', async () => {
    expect((await upgrade(`${pod}/exec`, false))[0]).toBe(401);
    expect((await upgrade('/api/v1/namespaces/default/pods/none/attach'))[0]).toBe(404);
    expect((await upgrade(`${pod}/cook`))[0]).toBe(404);
    api.faults.forbid = (_verb, resource) => resource === 'pods/portforward';
    expect((await upgrade(`${pod}/portforward`))[0]).toBe(403);
  });

  test('without an upgrade exec is refused', async () => {
    expect((await client.post(`${pod}/exec?command=ls`, {})).status).toBe(400);
  });
});
