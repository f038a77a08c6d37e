// One DNS message in, one out: reads a query, has answers.ts say what there is, and writes the response. Pure.
// Asked by server.ts, which has the sockets. Whatever the bytes are, nothing is thrown.
import dns from 'dns-packet';
import { answerOf, type ClusterNames } from './answers.ts';

const ttl = 5;
/** What every client can take in a datagram, and the most that one is believed to take. */
const datagram = { least: 512, most: 4_096 } as const;
const recursionAvailable = 0x80;
const noSuchName = 3;

/** Undefined for what is no query. A response that is too long for its datagram says so and is empty: the client then comes by TCP. */
export function replyTo(names: ClusterNames, query: Buffer, over: 'udp' | 'tcp'): Buffer | undefined {
  try {
    const asked = dns.decode(query);
    const [question] = asked.questions ?? [];
    if (asked.type !== 'query' || question === undefined) return undefined;
    const found = answerOf(names, question.name, question.type);
    const flags =
      dns.AUTHORITATIVE_ANSWER | (asked.flag_rd ? dns.RECURSION_DESIRED : 0) | recursionAvailable | (found === undefined ? noSuchName : 0);
    const response = { type: 'response' as const, id: asked.id ?? 0, flags, questions: [question] };
    const whole = dns.encode({ ...response, answers: (found ?? []).map((record) => ({ ...record, ttl })) });
    if (over === 'tcp' || whole.length <= roomOf(asked)) return whole;
    return dns.encode({ ...response, flags: flags | dns.TRUNCATED_RESPONSE });
  } catch {
    return undefined;
  }
}

function roomOf({ additionals = [] }: ReturnType<typeof dns.decode>): number {
  const said = additionals.find((each) => each.type === 'OPT')?.udpPayloadSize ?? 0;
  return Math.min(Math.max(said, datagram.least), datagram.most);
}
