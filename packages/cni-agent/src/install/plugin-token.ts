// The token in the plugin's kubeconfig: of a service account of its own that may read pods and namespaces and nothing else, bound to no pod.
// The agent's own token would end with the agent's pod, which is just when the plugin has nobody else to ask. Used by installation.ts.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';

export interface PluginTokenPorts {
  readonly client: Pick<KubeClient, 'request'>;
  readonly namespace: string;
  /** Of the plugin. */
  readonly account: string;
  readonly clock: Clock;
  /** There is no such account, or no right to its tokens: said once. */
  readonly refused: (why: string) => void;
}

/** What is asked for; the API server may give less. */
const seconds = 86_400;
const askAgainAfter = ms(60_000);
const answersWithin = ms(5_000);

export class PluginToken {
  readonly #ports: PluginTokenPorts;
  #token: string | undefined;
  /** Before this there is nothing new to ask for. */
  #askAt = 0;
  #wasRefused = false;

  constructor(ports: PluginTokenPorts) {
    this.#ports = ports;
  }

  /** The one that is there; undefined when there is none to be had. */
  async current(): Promise<string | undefined> {
    const { clock } = this.#ports;
    if (clock.monotonic() < this.#askAt) return this.#token;
    try {
      const { token, expires } = await this.#request();
      this.#token = token;
      this.#askAt = clock.monotonic() + renewAfter(expires - clock.now());
    } catch (e) {
      this.#askAt = clock.monotonic() + askAgainAfter;
      const status = statusOf(e);
      const isRefused = status === 403 || status === 404;
      if (isRefused && !this.#wasRefused) this.#ports.refused(describeError(e));
      this.#wasRefused ||= isRefused;
    }
    return this.#token;
  }

  /** `expires`: in milliseconds since 1970; NaN when it was not said. */
  async #request(): Promise<{ readonly token: string; readonly expires: number }> {
    const { client, namespace, account } = this.#ports;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(account)}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], expirationSeconds: seconds } };
    const about = `a token of ServiceAccount ${namespace}/${account}`;
    const answer = await client.request({ verb: 'create', about, method: 'POST', path, body }, { timeout: answersWithin });
    const status = objectOf(objectOf(answer).status);
    const token = textOf(status.token);
    if (token === '') throw new Error(`the API server gave no ${about}`);
    return { token, expires: Date.parse(textOf(status.expirationTimestamp)) };
  }
}

/** After half of its life: an API server that is away for a while is no harm. Clocks that differ make it neither endless nor nothing. */
function renewAfter(life: number): number {
  const wanted = Number.isNaN(life) ? seconds * 1_000 : life;
  return Math.max(askAgainAfter, Math.min(wanted, seconds * 1_000) / 2);
}
