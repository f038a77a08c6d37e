// The string formats that Kubernetes checks. A format that is not here is not checked, as there.
// Called by check.ts.
import { isIP, isIPv4, isIPv6 } from 'node:net';

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const date = /^\d{4}-\d{2}-\d{2}$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const goDuration = /^[-+]?(?:0|(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*)$/;
const hostname = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  byte: (text) => base64.test(text),
  cidr: isCidr,
  date: (text) => date.test(text) && !Number.isNaN(Date.parse(text)),
  'date-time': isDateTime,
  datetime: isDateTime,
  duration: (text) => goDuration.test(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: (text) => text.length <= 255 && hostname.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  mac: (text) => /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text),
  uri: isUri,
  uuid: (text) => uuid.test(text),
};

export function hasFormat(text: string, format: string): boolean {
  return Object.hasOwn(formats, format) ? (formats[format]?.(text) ?? true) : true;
}

function isDateTime(text: string): boolean {
  return dateTime.test(text) && !Number.isNaN(Date.parse(text));
}

export function isCidr(text: string): boolean {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const family = isIP(parts?.[1] ?? '');
  return family !== 0 && Number(parts?.[2]) <= (family === 4 ? 32 : 128);
}

/** A reference with a scheme, or an absolute path: what Go's url.ParseRequestURI takes. */
export function isUri(text: string): boolean {
  return text.startsWith('/') ? !/[\s<>]/.test(text) : URL.canParse(text);
}
