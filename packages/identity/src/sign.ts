// What everything we sign has in common: the signed form, and extensions.
// Used by issue.ts (certificates), csr.ts (requests) and the tests' revocation lists.
// Checking the signatures of others is verify.ts.
import { type KeyObject, sign } from 'node:crypto';
import { ipToBytes, parseIp } from '@ambient-mesh/model/address';
import { bits, boolean, context, type Der, embed, encode, nothing, octets, oid, sequence } from './der-write.ts';
import { oids } from './oids.ts';

/** A signed structure: what was signed, how, and the signature. Certificates, requests and revocation lists all have this form. */
export function signed(toBeSigned: Buffer, key: KeyObject): Buffer {
  const algorithm = algorithmOf(key);
  return encode(sequence(embed(toBeSigned), algorithm.identifier, bits(sign(algorithm.hash, toBeSigned, key))));
}

/** SHA-256 with the key's own scheme; Ed25519 hashes by itself. */
export function algorithmOf(key: KeyObject): { readonly hash: 'sha256' | null; readonly identifier: Der } {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return { hash: 'sha256', identifier: sequence(oid(oids.ecdsaSha256)) };
    case 'rsa':
      return { hash: 'sha256', identifier: sequence(oid(oids.rsaSha256), nothing()) };
    case 'ed25519':
      return { hash: null, identifier: sequence(oid(oids.ed25519)) };
    default:
      throw new TypeError(`no signature scheme for a ${key.asymmetricKeyType} key`);
  }
}

/** subjectAltName with these URIs and server names; a server name may be an IP address. */
export function namesExtension(uris: readonly string[], critical: boolean, serverNames: readonly string[] = []): Der {
  const name = (kind: number, text: string): Der => context(kind, Buffer.from(text, 'latin1'));
  const server = (text: string): Der => {
    const ip = parseIp(text);
    return ip === undefined ? name(2, text) : context(7, Buffer.from(ipToBytes(ip)));
  };
  return extension(oids.subjectAltName, critical, sequence(...uris.map((uri) => name(6, uri)), ...serverNames.map(server)));
}

export function extension(id: string, critical: boolean, value: Der): Der {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}
