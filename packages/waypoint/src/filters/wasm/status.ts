// Numbers of Proxy-Wasm 0.2.1: what host functions answer, and what maps, buffers and streams are called.

export const status = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  badMemory: 6,
  casMismatch: 8,
  internalFailure: 10,
  unimplemented: 12,
} as const;

export const maps = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  callHeaders: 6,
  callTrailers: 7,
} as const;

export const buffers = { requestBody: 0, callBody: 4, vmConfiguration: 6, pluginConfiguration: 7 } as const;

export const streams = { request: 0, response: 1 } as const;

export const metricKinds = ['counter', 'gauge', 'histogram'] as const;
