// What becomes of a request when a service is asked about it, over HTTP and over gRPC; what when the service is silent.
import type { Provider } from '@ambient-mesh/model/l7/settings';
import { ip } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { frame } from '@ambient-mesh/wire/grpc/framing';
import { CheckRequestSchema, CheckResponseSchema } from '@ambient-mesh/wire/messages/external_authorization_pb';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import type { Call, CallAnswer, CallRequest, CallTarget } from './call.ts';
import { type Decision, ExternalAuthorizer } from './external-authorization.ts';
import { changedHeaders } from './header-changes.ts';
import type { Question } from './question.ts';

type Given = Extract<Provider, { kind: 'ext-authz-http' | 'ext-authz-grpc' }>;

const provider = (kind: Given['kind'], given: Partial<Given> = {}): Given => ({
  name: 'p',
  service: 'ns/authz.ns.svc',
  port: 9000,
  timeout: 500,
  failOpen: false,
  statusOnError: 403,
  pathPrefix: '',
  includeRequestHeaders: [],
  includeAdditionalHeaders: [],
  includeBodyBytes: 0,
  allowPartialBody: false,
  headersToUpstreamOnAllow: [],
  headersToDownstreamOnDeny: [],
  headersToDownstreamOnAllow: [],
  ...given,
  kind,
});

const request = { id: 'r1', method: 'PUT', scheme: 'http', host: 'app:80', path: '/x?y=1', protocol: 'HTTP/1.1' };
const question: Question = {
  connection: {
    source: { ip: ip('10.0.0.1'), port: 1234 },
    destination: { ip: ip('10.9.0.1'), port: 80 },
    principal: 'spiffe://td/ns/ns/sa/client',
    ownPrincipal: 'spiffe://td/ns/ns/sa/waypoint',
    sni: '',
  },
  request: {
    ...request,
    headers: [
      ['authorization', 'Basic x'],
      ['x-id', '7'],
      ['x-other', '8'],
    ],
  },
};

interface Asked {
  readonly to: CallTarget;
  readonly request: CallRequest;
}

/** Decides with a service that answers so; also what the service was asked. */
async function decide(
  settings: Given,
  answer: Partial<CallAnswer> | Error,
  asked = question,
): Promise<{ decision: Decision; calls: Asked[] }> {
  const calls: Asked[] = [];
  const call: Call = async (to, sent) => {
    calls.push({ to, request: sent });
    if (answer instanceof Error) throw answer;
    return { status: 200, headers: [], trailers: [], body: new Uint8Array(), ...answer };
  };
  const authorizer = new ExternalAuthorizer(settings, call, fakeClock());
  return { decision: await authorizer.decide(asked, new AbortController().signal), calls };
}

const unchanged = { set: [], add: [], remove: [] };

describe('over HTTP', () => {
  test('the service sees method, host, path, Authorization, and headers that are named', async () => {
    const settings = provider('ext-authz-http', {
      pathPrefix: '/check',
      includeRequestHeaders: ['x-i*'],
      includeAdditionalHeaders: [['X-Mesh', 'yes']],
    });
    const { calls } = await decide(settings, {});
    expect(calls).toMatchObject([
      {
        to: { service: 'ns/authz.ns.svc', port: 9000 },
        request: {
          protocol: 'http1',
          method: 'PUT',
          authority: 'app:80',
          path: '/check/x?y=1',
          headers: [
            ['authorization', 'Basic x'],
            ['x-id', '7'],
            ['x-mesh', 'yes'],
          ],
          timeout: 500,
        },
      },
    ]);
  });

  test('200 is a yes, and says of its headers only those that are named', async () => {
    const settings = provider('ext-authz-http', { headersToUpstreamOnAllow: ['x-user', 'host'], headersToDownstreamOnAllow: ['set-*'] });
    const headers = [
      ['x-user', 'alice'],
      ['x-user', 'bob'],
      ['x-more', '1'],
      ['set-cookie', 'c'],
      ['host', 'evil'],
    ] as const;
    expect((await decide(settings, { headers })).decision).toEqual({
      allow: true,
      request: { set: [['x-user', 'alice']], add: [['x-user', 'bob']], remove: [] },
      response: [['set-cookie', 'c', 'add']],
    });
  });

  test('any other status is a no that is passed on, with the headers that are named', async () => {
    const answer = {
      status: 302,
      headers: [
        ['location', '/login'],
        ['x', '1'],
        ['content-length', '2'],
      ] as const,
      body: Buffer.from('no'),
    };
    expect((await decide(provider('ext-authz-http'), answer)).decision).toEqual({
      allow: false,
      status: 302,
      headers: [
        ['location', '/login'],
        ['x', '1'],
      ],
      body: 'no',
      details: 'ext_authz_denied',
    });
    const settings = provider('ext-authz-http', { headersToDownstreamOnDeny: ['y'] });
    expect((await decide(settings, answer)).decision).toMatchObject({ headers: [['location', '/login']] });
  });

  test('201 is no yes', async () =>
    expect((await decide(provider('ext-authz-http'), { status: 201 })).decision).toMatchObject({ allow: false }));
  test('a connection that is not HTTP cannot be asked about', async () => {
    const { connection } = question;
    expect((await decide(provider('ext-authz-http'), {}, { connection })).decision).toMatchObject({
      allow: false,
      details: 'ext_authz_error',
    });
  });
});

const grpc = (given: object): Partial<CallAnswer> => ({
  trailers: [['grpc-status', '0']],
  body: frame(toBinary(CheckResponseSchema, create(CheckResponseSchema, given))),
});

describe('over gRPC', () => {
  test('the service sees the whole head, and both peers', async () => {
    const { calls } = await decide(provider('ext-authz-grpc'), grpc({}));
    expect(calls).toMatchObject([
      { request: { protocol: 'h2', method: 'POST', path: '/envoy.service.auth.v3.Authorization/Check', authority: 'authz.ns.svc:9000' } },
    ]);
    const sent = fromBinary(CheckRequestSchema, calls[0]?.request.body.subarray(5) ?? new Uint8Array());
    expect(sent.attributes).toMatchObject({
      source: { principal: 'spiffe://td/ns/ns/sa/client' },
      destination: { principal: 'spiffe://td/ns/ns/sa/waypoint' },
      request: { http: { id: 'r1', method: 'PUT', path: '/x?y=1', headers: { 'x-other': '8', authorization: 'Basic x' } } },
    });
  });

  test('yes, with changes that a service may make', async () => {
    const pair = (key: string, value: string) => ({ header: { key, value } });
    const value = {
      headers: [pair('X-User', 'alice'), pair(':path', '/admin'), pair('a', 'b\r\nc: d')],
      headersToRemove: ['X-Id', 'Host'],
    };
    const answer = grpc({ httpResponse: { case: 'okResponse', value } });
    expect((await decide(provider('ext-authz-grpc'), answer)).decision).toEqual({
      allow: true,
      request: { set: [['x-user', 'alice']], add: [], remove: ['x-id'] },
      response: [],
    });
  });

  test.each([
    [{ code: 401 }, 401],
    [undefined, 403],
    [{ code: 0 }, 403],
    [{ code: 42 }, 403],
  ])('no, with status %j: %j', async (status, want) => {
    const value = { ...(status && { status }), body: 'no' };
    const answer = grpc({ status: { code: 7 }, httpResponse: { case: 'deniedResponse', value } });
    expect((await decide(provider('ext-authz-grpc'), answer)).decision).toMatchObject({ allow: false, status: want, body: 'no' });
  });

  test('a connection that is not HTTP can be asked about', async () => {
    const { connection } = question;
    expect((await decide(provider('ext-authz-grpc'), grpc({}), { connection })).decision).toEqual({
      allow: true,
      request: unchanged,
      response: [],
    });
  });
});

describe('no answer', () => {
  const silent: readonly (readonly [name: string, kind: Given['kind'], answer: Partial<CallAnswer> | Error])[] = [
    ['nobody there', 'ext-authz-http', new Error('refused')],
    ['HTTP 503', 'ext-authz-http', { status: 503 }],
    ['a gRPC status', 'ext-authz-grpc', { headers: [['grpc-status', '14']] }],
    ['no gRPC at all', 'ext-authz-grpc', { status: 502 }],
    ['no message', 'ext-authz-grpc', { trailers: [['grpc-status', '0']] }],
    ['two messages', 'ext-authz-grpc', { trailers: [['grpc-status', '0']], body: Buffer.concat([frame(Buffer.of()), frame(Buffer.of())]) }],
    ['half a message', 'ext-authz-grpc', { trailers: [['grpc-status', '0']], body: Buffer.from('0000000005ff', 'hex') }],
    ['another message', 'ext-authz-grpc', { trailers: [['grpc-status', '0']], body: frame(Buffer.from('ffff', 'hex')) }],
  ];
  test.each(silent)('%s: refused, or let pass if that is wanted', async (_, kind, answer) => {
    const closed = await decide(provider(kind, { statusOnError: 503 }), answer);
    expect(closed.decision).toMatchObject({ allow: false, status: 503, details: 'ext_authz_error', failed: expect.any(String) });
    const open = await decide(provider(kind, { failOpen: true }), answer);
    expect(open.decision).toMatchObject({ allow: true, request: unchanged, failed: expect.any(String) });
  });

  test('a client that is gone gets no decision', async () => {
    const gone = new AbortController();
    const call: Call = async () => {
      gone.abort(new Error('gone'));
      throw new Error('cut off');
    };
    const authorizer = new ExternalAuthorizer(provider('ext-authz-http', { failOpen: true }), call, fakeClock());
    await expect(authorizer.decide(question, gone.signal)).rejects.toThrow('gone');
  });
});

describe('bodies', () => {
  const part = { ...question, body: { bytes: Buffer.from('part'), whole: false } };
  test('too long for the settings: 413, and nobody is asked', async () => {
    const { decision, calls } = await decide(provider('ext-authz-http', { includeBodyBytes: 4 }), {}, part);
    expect([decision, calls]).toMatchObject([{ allow: false, status: 413 }, []]);
  });
  test('a part goes along if it may, and is called one', async () => {
    const settings = provider('ext-authz-http', { includeBodyBytes: 4, allowPartialBody: true });
    const { calls } = await decide(settings, {}, part);
    expect(calls[0]?.request.headers).toContainEqual(['x-envoy-auth-partial-body', 'true']);
    expect(String(calls[0]?.request.body)).toBe('part');
  });
  test.each([
    ['text', 'whole', { body: 'whole', rawBody: [], size: 5n }],
    ['octets', '\xff', { body: '', rawBody: [0xff], size: 1n }],
  ])('over gRPC as %s', async (_, sentAs, want) => {
    const bytes = Buffer.from(sentAs, 'latin1');
    const { calls } = await decide(provider('ext-authz-grpc', { includeBodyBytes: 9 }), grpc({}), {
      ...question,
      body: { bytes, whole: true },
    });
    const http = fromBinary(CheckRequestSchema, calls[0]?.request.body.subarray(5) ?? new Uint8Array()).attributes?.request?.http;
    expect({ body: http?.body, rawBody: [...(http?.rawBody ?? [])], size: http?.size }).toEqual(want);
  });
});

test('changes of headers are made in order', () => {
  const before = [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
  ] as const;
  const changes = [
    ['a', '3', 'set'],
    ['b', '2', 'add'],
    ['c', '1', 'if-absent'],
    ['c', '2', 'if-absent'],
    ['d', '1', 'if-present'],
    ['b', '3', 'if-present'],
  ] as const;
  expect(changedHeaders(before, changes)).toEqual([
    ['a', '3'],
    ['c', '1'],
    ['b', '3'],
  ]);
});
