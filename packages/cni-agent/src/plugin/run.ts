// One run of the plugin: from what the runtime said to what it hears, asking the agent or the API server between.
// Called by main.ts, which owns environment, standard streams and the exit code. Decisions are in decide.ts.
import { readFile } from 'node:fs/promises';
import { getOnce, leftAccess } from '@ambient-mesh/kube/one-look';
import { describeError } from '@ambient-mesh/runtime/errors';
import { askAgent } from './ask-agent.ts';
import { type Call, type CniError, codes, type Environment, errorText, isRefusal, type PodRef, readCall, versionText } from './cni.ts';
import { byAgent, checked, exempt, isOwnAgent, type Look, type Outcome, pass, withoutAgent } from './decide.ts';
import { addVerdicts, checkVerdicts, writeRequest } from './event.ts';
import type { LogLines } from './log-lines.ts';
import { addressesOf, asVersion } from './prev-result.ts';
import { logLevelOf, readSettings, runDirOf, type Settings } from './settings.ts';

export interface Said {
  /** For standard output; may be empty. */
  readonly text: string;
  readonly exitCode: 0 | 1;
  /** Where the log goes. Undefined when there is none. */
  readonly runDir: string | undefined;
}

/** For each question. The agent may need longer, while a ztunnel starts: then the runtime asks again. */
const patienceMs = 5_000;

const nothing: Said = { text: '', exitCode: 0, runDir: undefined };

export async function run(env: Environment, stdin: string, log: LogLines): Promise<Said> {
  const call = readCall(env, stdin);
  if (isRefusal(call)) return { text: errorText(call), exitCode: 1, runDir: undefined };
  if (call.command === 'VERSION') return { ...nothing, text: versionText(call.version) };
  if (call.command === 'nothing') return nothing;
  const runDir = runDirOf(call.config);
  const refuse = (error: CniError): Said => ({ text: errorText({ error, version: call.version }), exitCode: 1, runDir });
  // Never bad news: a node that counts as not ready gets no pods, the agent's own among them, and so would stay that way.
  if (call.command === 'STATUS') return nothing;
  const outcome = await attach(call);
  report(log, call, outcome);
  if (outcome.kind === 'refuse') return refuse(outcome.error);
  const text = call.command === 'ADD' ? JSON.stringify(asVersion(call.prevResult, call.version)) : '';
  return { text, exitCode: 0, runDir };
}

type Attach = Extract<Call, { readonly command: 'ADD' | 'CHECK' }>;

/** ADD and CHECK. */
async function attach(call: Attach): Promise<Outcome> {
  const { config, attachment, prevResult } = call;
  const { pod } = attachment;
  if (pod === undefined) return pass('CNI_ARGS names no pod');
  if (isOwnAgent(pod, config)) return pass('it is the node agent');
  const settings = readSettings(config);
  if ('mistake' in settings) return badConfiguration(settings.mistake);
  const exemption = exempt(pod, settings.ok);
  if (exemption !== undefined) return exemption;
  const addresses = addressesOf(prevResult);
  if (addresses === undefined) return badConfiguration('prevResult has an address that is none');
  const body = writeRequest(attachment, pod, addresses);
  return call.command === 'ADD' ? add(pod, settings.ok, body) : check(pod, settings.ok, body);
}

const badConfiguration = (msg: string): Outcome => ({ kind: 'refuse', error: { code: codes.badConfiguration, msg } });

async function add(pod: PodRef, settings: Settings, body: string): Promise<Outcome> {
  const answer = await askAgent(settings.runDir, { path: '/cmdadd', body, all: addVerdicts }, AbortSignal.timeout(patienceMs));
  if (answer.kind !== 'absent') return byAgent(pod, answer);
  return withoutAgent(pod, await look(pod, settings), settings, answer.why);
}

async function check(pod: PodRef, settings: Settings, body: string): Promise<Outcome> {
  return checked(pod, await askAgent(settings.runDir, { path: '/check', body, all: checkVerdicts }, AbortSignal.timeout(patienceMs)));
}

async function look(pod: PodRef, { kubeconfig }: Settings): Promise<Look> {
  const signal = AbortSignal.timeout(patienceMs);
  const namespace = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}`;
  try {
    const access = leftAccess(await readFile(kubeconfig, 'utf8'), kubeconfig);
    const [podObject, namespaceObject] = await Promise.all([
      getOnce(access, `${namespace}/pods/${encodeURIComponent(pod.name)}`, signal),
      getOnce(access, namespace, signal),
    ]);
    return { pod: podObject, namespace: namespaceObject };
  } catch (e) {
    return { unknown: describeError(e) };
  }
}

function report(log: LogLines, { command, attachment: { pod, containerId }, config }: Attach, outcome: Outcome): void {
  const fields = { command, pod: pod?.name, namespace: pod?.namespace, containerId };
  const level = logLevelOf(config);
  if (outcome.kind === 'pass') log.add({ level: outcome.isInMesh ? 'info' : 'debug', message: `passed: ${outcome.why}`, fields }, level);
  else log.add({ level: 'error', message: `refused: ${outcome.error.msg}`, fields: { ...fields, details: outcome.error.details } }, level);
}
