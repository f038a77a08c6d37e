// Writes DER: a thin, typed skin over node-forge's encoder, so that the rest speaks in Buffers and names of types.
// Used by issue.ts and csr.ts to build what node:crypto then signs.
// Only ever given values of our own making; reading what others wrote is der.ts.
import type { asn1 as forge } from 'node-forge';
import asn1 from 'node-forge/lib/asn1.js';

export type Der = forge.Asn1;

const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
const { Type } = asn1;
const text = (bytes: Buffer): string => bytes.toString('latin1');
const primitive = (type: forge.Type, content: Buffer): Der => asn1.create(UNIVERSAL, type, false, text(content));

export const sequence = (...children: readonly Der[]): Der => asn1.create(UNIVERSAL, Type.SEQUENCE, true, [...children]);
export const set = (...children: readonly Der[]): Der => asn1.create(UNIVERSAL, Type.SET, true, [...children]);
export const oid = (dotted: string): Der => asn1.create(UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());
export const nothing = (): Der => asn1.create(UNIVERSAL, Type.NULL, false, '');
export const boolean = (value: boolean): Der => primitive(Type.BOOLEAN, Buffer.of(value ? 0xff : 0));
export const utf8 = (value: string): Der => primitive(Type.UTF8, Buffer.from(value));
export const octets = (content: Der | Buffer): Der => primitive(Type.OCTETSTRING, Buffer.isBuffer(content) ? content : encode(content));
export const bits = (content: Buffer, unused = 0): Der => primitive(Type.BITSTRING, Buffer.concat([Buffer.of(unused), content]));

/** From a small number, or from the big-endian octets of a non-negative one. */
export function integer(value: number | Buffer): Der {
  const octetsOf = typeof value === 'number' ? Buffer.of(value) : value;
  return primitive(Type.INTEGER, (octetsOf[0] ?? 0x80) < 0x80 ? octetsOf : Buffer.concat([Buffer.of(0), octetsOf]));
}

/** A context-specific element: constructed from children, primitive from octets. */
export function context(number: number, content: readonly Der[] | Buffer): Der {
  if (Buffer.isBuffer(content)) return asn1.create(CONTEXT_SPECIFIC, number, false, text(content));
  return asn1.create(CONTEXT_SPECIFIC, number, true, [...content]);
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). Milliseconds since the epoch; the fraction of a second is dropped. */
export function time(at: number): Der {
  const digits = new Date(at).toISOString().replace(/\.\d+Z$|[-:T]/g, '');
  const year = Number(digits.slice(0, 4));
  const short = year >= 1950 && year < 2050;
  return primitive(short ? Type.UTCTIME : Type.GENERALIZEDTIME, Buffer.from(`${digits.slice(short ? 2 : 0)}Z`));
}

/** An element that is already DER. */
export const embed = (der: Buffer): Der => asn1.fromDer(text(der));

export const encode = (element: Der): Buffer => Buffer.from(asn1.toDer(element).getBytes(), 'latin1');
