// A number that changes whenever anybody changes nftables rules in a namespace: how the node agent notices foreign hands without listing rules.
// One netlink message there and back, synchronous (linux/netfilter/nf_tables.h: NFT_MSG_GETGEN).
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { refused } from './errors.ts';
import * as libc from './libc.ts';
import type { Netns } from './netns.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const NLM_F_REQUEST = 1;
const NLMSG_ERROR = 2;
const nftMessage = 10 << 8;
const NFT_MSG_GETGEN = nftMessage | 16;
const NFTA_GEN_ID = 1;
const headerBytes = 20;

const attempted = "ask for the generation of a namespace's rules";

const request = Buffer.alloc(headerBytes);
request.writeUInt32LE(headerBytes, 0);
request.writeUInt16LE(NFT_MSG_GETGEN, 4);
request.writeUInt16LE(NLM_F_REQUEST, 6);

/** What the kernel says of a namespace whose rules nobody has ever written. */
export const firstGeneration = 1;

/** Throws HostFault when the namespace cannot be entered or has no nftables. Equal numbers: nobody has changed a rule between. */
export function rulesGeneration(netns: Netns): number {
  const fd = netns.run(() => libc.socket(AF_NETLINK, SOCK_RAW | libc.SOCK_OURS, NETLINK_NETFILTER));
  if (fd < 0) throw refused('socket', libc.errno(), attempted);
  try {
    if (libc.sendmsg(fd, message(request), libc.MSG_NOSIGNAL) < 0) throw refused('sendmsg', libc.errno(), attempted);
    const answer = Buffer.alloc(256);
    const length = libc.recvmsg(fd, message(answer), libc.MSG_DONTWAIT);
    if (length < 0) throw refused('recvmsg', libc.errno(), attempted);
    return generationIn(answer.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}

function generationIn(answer: Buffer): number {
  if (answer.length < headerBytes) throw refused('recvmsg', constants.errno.EPROTO, attempted);
  // An error carries the kernel's errno, negative.
  if (answer.readUInt16LE(4) === NLMSG_ERROR) throw refused('recvmsg', -answer.readInt32LE(16), attempted);
  for (let at = headerBytes; at + 8 <= answer.length; ) {
    const length = answer.readUInt16LE(at);
    if (length < 4) break;
    if (answer.readUInt16LE(at + 2) === NFTA_GEN_ID) return answer.readUInt32BE(at + 4);
    at += Math.ceil(length / 4) * 4;
  }
  throw refused('recvmsg', constants.errno.EPROTO, attempted);
}

const message = (bytes: Buffer): libc.MessageHeader => ({
  name: null,
  nameLength: 0,
  iov: [{ base: bytes, length: bytes.length }],
  iovCount: 1,
  control: null,
  controlLength: 0,
  flags: 0,
});
