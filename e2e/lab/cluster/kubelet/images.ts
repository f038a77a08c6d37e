// What image names mean in the lab: commands of this machine. Nothing is ever pulled.
// Read by pod-run.ts; more names can be given to each kubelet.
import { fileURLToPath } from 'node:url';

export interface Image {
  /** What the image runs when the container names no `command`. */
  readonly entrypoint: readonly string[];
  /** Its arguments when the container names neither `command` nor `args`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** By repository, without registry and tag. */
export type Images = Readonly<Record<string, Image>>;

const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
const program = (name: string): readonly string[] => [...node, fileURLToPath(new URL(`../apps/${name}`, import.meta.url))];

/** For pods that `kubectl exec` works in; ends at once when asked to, which a bare `sleep` as first process does not. */
const idle: Image = { entrypoint: ['sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done'] };

/** Of the Gateway API's conformance suite, which runs `client` in it. */
const echoAdvanced: Image = {
  entrypoint: program('echo-http.ts'),
  env: {
    ANSWER: 'lines',
    NODE: process.execPath,
    PATH: `${fileURLToPath(new URL('../apps/echo-advanced', import.meta.url))}:${process.env.PATH ?? ''}`,
  },
};

export const standardImages: Images = {
  'ambient-mesh/app': { entrypoint: program('app.ts'), args: ['8080=http'] },
  'ambient-mesh/http-echo': { entrypoint: program('http-echo.ts') },
  'ambient-mesh/client': { entrypoint: program('client.ts') },
  'ambient-mesh/echo': { entrypoint: program('echo.ts') },
  'ambient-mesh/echo-http': { entrypoint: program('echo-http.ts') },
  'ambient-mesh/load': { entrypoint: program('load.ts') },
  'ambient-mesh/sleep': idle,
  'gateway-api/echo-advanced': echoAdvanced,
};

/** Undefined: nobody here knows the image. */
export function findImage(images: Images, reference: string): Image | undefined {
  const name = reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  if (Object.hasOwn(images, reference)) return images[reference];
  // The first part is a registry if it looks like a host.
  const [first = '', ...rest] = name.split('/');
  const repository = rest.length > 0 && /[.:]|^localhost$/.test(first) ? rest.join('/') : name;
  return Object.hasOwn(images, repository) ? images[repository] : undefined;
}
