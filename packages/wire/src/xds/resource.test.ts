// What the server writes by hand is what a protobuf library reads.
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema } from '../messages/generated/discovery_pb.js';
import { encodeResource, encodeResponse, versionOf } from './resource.ts';

const text = fc.string({ unit: 'binary', maxLength: 300 }).filter((each) => each.isWellFormed());

test('a response reads as it was meant, whatever names, aliases and bodies hold', () => {
  const resource = fc.record({
    name: text,
    body: fc.uint8Array({ maxLength: 70_000, size: 'xlarge' }),
    aliases: fc.array(text, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(resource, { maxLength: 5 }), fc.array(text), text, fc.boolean(), (given, removed, nonce, withAliases) => {
      const typeUrl = 'type.example/T';
      const resources = given.map(({ name, body, aliases }) => {
        const version = versionOf(body);
        return { name, version, aliases, bytes: encodeResource(typeUrl, name, version, body) };
      });
      const read = fromBinary(DeltaDiscoveryResponseSchema, encodeResponse({ typeUrl, nonce, resources, withAliases, removed }));
      expect(read).toMatchObject({ typeUrl, nonce, removedResources: removed });
      expect(
        read.resources.map(({ name, version, aliases, resource: any }) => [
          name,
          version,
          aliases,
          any?.typeUrl,
          Buffer.from(any?.value ?? []),
        ]),
      ).toEqual(given.map(({ name, body, aliases }) => [name, versionOf(body), withAliases ? aliases : [], typeUrl, Buffer.from(body)]));
    }),
    { numRuns: 100 },
  );
});

test('equal bytes have equal versions, others have others', () => {
  const of = (body: string): string => versionOf(new TextEncoder().encode(body));
  expect(of('a')).toBe(of('a'));
  expect(of('a')).not.toBe(of('b'));
  expect(of('a')).toMatch(/^[\w-]{11}$/);
});
