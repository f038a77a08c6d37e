// Kubernetes' protobuf as typed Go clients write it, and as nobody writes it.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeKubernetes } from './decode.ts';

type Part = readonly [number: number, value: number | string | readonly Part[]];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function encode(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number << 3), ...varint(value)]);
      const bytes = typeof value === 'string' ? Buffer.from(value) : encode(value);
      return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

const envelope = (apiVersion: string, kind: string, raw: readonly Part[]): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    encode([
      [
        1,
        [
          [1, apiVersion],
          [2, kind],
        ],
      ],
      [2, raw],
      [3, ''],
      [4, ''],
    ]),
  ]);

describe('the protobuf form', () => {
  test('of a Deployment: lists, maps, inlined and optional fields; what Go wrote for nothing is left out', () => {
    const container: Part[] = [
      [1, 'c'],
      [2, 'lab/echo'],
      [
        6,
        [
          [1, ''],
          [2, 0],
          [3, 80],
          [4, 'TCP'],
        ],
      ],
      [
        7,
        [
          [1, 'A'],
          [2, '1'],
        ],
      ],
    ];
    const volume: Part[] = [
      [1, 'v'],
      [2, [[2, [[1, '']]]]],
    ];
    const podSpec: Part[] = [
      [1, volume],
      [2, container],
      [4, 0],
      [11, 0],
    ];
    const template: Part[] = [
      [
        1,
        [
          [1, ''],
          [8, []],
          [
            11,
            [
              [1, 'app'],
              [2, 'web'],
            ],
          ],
        ],
      ],
      [2, podSpec],
    ];
    const strategy: Part[] = [
      [1, 'RollingUpdate'],
      [
        2,
        [
          [
            1,
            [
              [1, 1],
              [2, 0],
              [3, '25%'],
            ],
          ],
          [
            2,
            [
              [1, 0],
              [2, 2],
              [3, ''],
            ],
          ],
        ],
      ],
    ];
    const raw: Part[] = [
      [
        1,
        [
          [1, 'web'],
          [2, ''],
          [7, 0],
          [8, []],
        ],
      ],
      [
        2,
        [
          [1, 0],
          [
            2,
            [
              [
                1,
                [
                  [1, 'app'],
                  [2, 'web'],
                ],
              ],
            ],
          ],
          [3, template],
          [4, strategy],
        ],
      ],
      [3, []],
    ];
    expect(decodeKubernetes(envelope('apps/v1', 'Deployment', raw))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            volumes: [{ name: 'v', emptyDir: {} }],
            containers: [
              { name: 'c', image: 'lab/echo', ports: [{ containerPort: 80, protocol: 'TCP' }], env: [{ name: 'A', value: '1' }] },
            ],
            terminationGracePeriodSeconds: 0,
          },
        },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: 2 } },
      },
      status: {},
    });
  });

  test('of times and bytes', () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5) / 1_000;
    const lease: Part[] = [
      [
        1,
        [
          [1, 'l'],
          [8, [[1, at]]],
        ],
      ],
      [
        2,
        [
          [1, 'me'],
          [
            4,
            [
              [1, at],
              [2, 6_000],
            ],
          ],
        ],
      ],
    ];
    expect(decodeKubernetes(envelope('coordination.k8s.io/v1', 'Lease', lease))).toMatchObject({
      metadata: { creationTimestamp: '2026-01-02T03:04:05Z' },
      spec: { holderIdentity: 'me', renewTime: '2026-01-02T03:04:05.000006Z' },
    });
    const secret: Part[] = [
      [1, [[1, 's']]],
      [
        2,
        [
          [1, 'k'],
          [2, 'xyz'],
        ],
      ],
    ];
    expect(decodeKubernetes(envelope('v1', 'Secret', secret))).toMatchObject({ data: { k: 'eHl6' } });
  });

  test('of options of a deletion is the same in every group', () => {
    expect(
      decodeKubernetes(
        envelope('apps/v1', 'DeleteOptions', [
          [1, 0],
          [4, 'Orphan'],
        ]),
      ),
    ).toMatchObject({
      gracePeriodSeconds: 0,
      propagationPolicy: 'Orphan',
    });
  });

  test.each([
    ['without the magic', Buffer.from('{}')],
    ['of a kind that is not known', envelope('v1', 'Unheard', [])],
    ['cut short', envelope('v1', 'Secret', [[1, [[1, 's']]]]).subarray(0, -3)],
    ['with a number for a text', envelope('v1', 'Secret', [[1, [[1, 7]]]])],
  ])('%s is none', (_case, bytes) => {
    expect(decodeKubernetes(bytes)).toBeUndefined();
  });

  test('any bytes are an object or nothing', () => {
    const raw = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(raw, fc.constantFrom('Pod', 'Secret', 'Service'), (bytes, kind) => {
        decodeKubernetes(Buffer.concat([Buffer.from('k8s\0'), bytes]));
        decodeKubernetes(
          Buffer.concat([
            Buffer.from('k8s\0'),
            encode([
              [
                1,
                [
                  [1, 'v1'],
                  [2, kind],
                ],
              ],
            ]),
            Buffer.from([0x12, bytes.length]),
            bytes,
          ]),
        );
      }),
    );
  });

  test('a key named __proto__ stays a key', () => {
    const decoded = decodeKubernetes(
      envelope('v1', 'ConfigMap', [
        [
          2,
          [
            [1, '__proto__'],
            [2, 'x'],
          ],
        ],
      ]),
    );
    expect(Object.getOwnPropertyNames(decoded?.data ?? {})).toEqual(['__proto__']);
  });
});
