// Types for the part of dns-packet that our tests use; the package has none of its own.
// It is the independent opinion on what we put on the wire: our encoder is never tested by our decoder.
// Not used outside tests.
declare module 'dns-packet' {
  export interface Question {
    type: string;
    name: string;
    class?: string;
  }
  export interface Record {
    type: string;
    name: string;
    class?: string;
    ttl?: number;
    data?: unknown;
    udpPayloadSize?: number;
    ednsVersion?: number;
    flags?: number;
    flag_do?: boolean;
  }
  export interface Packet {
    type?: 'query' | 'response';
    id?: number;
    flags?: number;
    questions?: Question[];
    answers?: Record[];
    authorities?: Record[];
    additionals?: Record[];
  }
  export interface Decoded extends Required<Packet> {
    opcode: string;
    rcode: string;
    flag_qr: boolean;
    flag_aa: boolean;
    flag_tc: boolean;
    flag_rd: boolean;
    flag_ra: boolean;
    flag_cd: boolean;
  }
  const packet: {
    encode(packet: Packet): Buffer;
    decode(bytes: Buffer): Decoded;
    readonly RECURSION_DESIRED: number;
    readonly AUTHORITATIVE_ANSWER: number;
    readonly TRUNCATED_RESPONSE: number;
    readonly CHECKING_DISABLED: number;
    readonly DNSSEC_OK: number;
  };
  export default packet;
}
