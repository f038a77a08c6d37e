// Stock kubectl in every use that people make of it here. Runs on the lab's API and, with KUBEBUILDER_ASSETS, on a real one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { type ApiUnderTest, apis } from './each-api.ts';
import { hasKubectl, Kubectl } from './kubectl.ts';

const deployment = (changes: { image?: string; replicas?: number; extra?: string } = {}): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, labels: { app: web } }
spec:
  replicas: ${changes.replicas ?? 2}${changes.extra ?? ''}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: ${changes.image ?? 'lab/echo'}, ports: [{ containerPort: 80 }] }] }
`;

const pod = `
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop, labels: { app: web, tier: front } }
spec: { nodeName: n1, terminationGracePeriodSeconds: 0, containers: [{ name: c, image: lab/echo }] }
`;

const node = `
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { node-role.kubernetes.io/worker: "" } }
status:
  conditions: [{ type: Ready, status: "True" }]
  addresses: [{ type: InternalIP, address: 172.172.0.1 }]
  nodeInfo: { kubeletVersion: v1.32.0, osImage: lab, kernelVersion: "6.1", containerRuntimeVersion: "lab://1", machineID: "", systemUUID: "", bootID: "", kubeProxyVersion: "", operatingSystem: linux, architecture: amd64 }
`;

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: doors.lab.example.com }
spec:
  group: lab.example.com
  scope: Namespaced
  names: { plural: doors, singular: door, kind: Door, shortNames: [dr] }
  versions:
  - name: v1
    served: true
    storage: true
    subresources: { status: {} }
    additionalPrinterColumns:
    - { name: Width, type: integer, jsonPath: .spec.width }
    - { name: Rooms, type: string, jsonPath: .spec.rooms, priority: 1 }
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            description: What the door is like.
            type: object
            required: [width]
            properties:
              width: { type: integer, minimum: 1, description: In centimetres. }
              rooms: { type: array, items: { type: string } }
              colour: { type: string, enum: [red, green], default: red }
          status: { type: object, properties: { open: { type: boolean } } }
`;

const door = (spec: string): string => `
apiVersion: lab.example.com/v1
kind: Door
metadata: { name: d, namespace: shop }
spec: ${spec}
`;

describe.skipIf(!hasKubectl()).each(apis)('stock kubectl (skipped where it is not installed) on %s', (_name, start) => {
  let api: ApiUnderTest;
  let kubectl: Kubectl;

  beforeAll(async () => {
    api = await start();
    kubectl = new Kubectl(api.kubeconfig());
    await kubectl.ok('create namespace shop');
    await kubectl.ok('create -f -', node);
    await kubectl.ok('create -f -', pod);
    await kubectl.ok('create -f -', definition);
    await kubectl.ok('wait --for=condition=Established crd/doors.lab.example.com --timeout=10s');
    // A real server takes a moment from established to served.
    await eventually(async () => ((await kubectl.run(['get', 'doors', '-n', 'shop'])).code === 0 ? true : undefined), { what: 'doors' });
  });

  afterAll(async () => {
    kubectl?.[Symbol.dispose]();
    await api?.[Symbol.asyncDispose]();
  });

  const columns = async (command: string): Promise<string[]> => {
    const [head = ''] = (await kubectl.ok(command)).split('\n');
    return head.trim().split(/\s{2,}/);
  };

  describe('looks', () => {
    const tables: readonly (readonly [command: string, head: string])[] = [
      ['get pods -n shop', 'NAME READY STATUS RESTARTS AGE'],
      ['get pods -n shop -o wide', 'NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES'],
      ['get pods -A', 'NAMESPACE NAME READY STATUS RESTARTS AGE'],
      ['get nodes', 'NAME STATUS ROLES AGE VERSION'],
      ['get nodes -o wide', 'NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME'],
      ['get services', 'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE'],
      ['get namespaces', 'NAME STATUS AGE'],
      ['get crd', 'NAME CREATED_AT'],
    ];
    test.each(tables)('%s has its columns', async (command, head) => {
      expect(await columns(command)).toEqual(head.split(' ').map((name) => name.replaceAll('_', ' ')));
    });

    test('a pod that nobody runs is Pending, on its node', async () => {
      expect(await kubectl.ok('get pod p -n shop -o wide --no-headers')).toMatch(/^p +0\/1 +Pending +0 +\d+s +<none> +n1 +<none> +<none>/);
    });

    test('a node shows its role and its condition', async () => {
      expect(await kubectl.ok('get node n1 --no-headers')).toMatch(/^n1 +Ready +worker +\d+s +v1\.32\.0/);
    });

    const selections: readonly (readonly [options: string, found: string])[] = [
      ['-l app=web', 'pod/p'],
      ['-l app!=web', ''],
      ["-l 'tier in (front, back)'", 'pod/p'],
      ["-l 'tier notin (front)'", ''],
      ['-l canary', ''],
      ["-l '!canary'", 'pod/p'],
      ['--field-selector spec.nodeName=n1', 'pod/p'],
      ['--field-selector spec.nodeName!=n1', ''],
      ['--field-selector status.phase=Pending,metadata.name=p', 'pod/p'],
    ];
    test.each(selections)('get pods %s', async (options, found) => {
      expect((await kubectl.ok(`get pods -n shop -o name ${options}`)).trim()).toBe(found);
    });

    test('a field that pods cannot be asked for is refused', async () => {
      expect(await kubectl.fails('get pods --field-selector spec.colour=red')).toContain('field label not supported: spec.colour');
    });

    test('-o yaml shows the whole object, defaults included', async () => {
      const text = await kubectl.ok('get pod p -n shop -o yaml');
      expect(text).toMatch(/^apiVersion: v1\nkind: Pod\n/);
      for (const line of ['dnsPolicy: ClusterFirst', 'restartPolicy: Always', 'phase: Pending', 'qosClass: BestEffort'])
        expect(text).toContain(line);
    });

    test.each([
      ['describe pod p -n shop', ['Name: +p', 'Node: +n1', 'Status: +Pending']],
      ['describe node n1', ['Name: +n1', 'Roles: +worker']],
      ['describe service kubernetes', ['Type: +ClusterIP', 'Port: +https +443/TCP']],
      ['describe crd doors.lab.example.com', ['Kind: +Door']],
    ] as const)('%s', async (command, lines) => {
      const text = await kubectl.ok(command);
      for (const line of lines) expect(text).toMatch(new RegExp(line));
    });

    test('what is not there is said as always', async () => {
      expect(await kubectl.fails('get pod nobody -n shop')).toBe('Error from server (NotFound): pods "nobody" not found\n');
      expect(await kubectl.fails('get windows')).toBe(`error: the server doesn't have a resource type "windows"\n`);
    });

    test('api-resources lists built-in and custom kinds with their short names', async () => {
      const text = await kubectl.ok('api-resources');
      expect(text).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
      expect(text).toMatch(/^doors +dr +lab\.example\.com\/v1 +true +Door$/m);
    });

    test('explain reads descriptions from the definition', async () => {
      expect(await kubectl.ok('explain door.spec.width')).toMatch(/FIELD: width <integer>[\s\S]*In centimetres\./);
      expect(await kubectl.ok('explain deployment.spec.replicas')).toContain('FIELD: replicas <integer>');
    });

    test('a list is read in pages', async () => {
      const names = (await kubectl.ok('get namespaces -o name --chunk-size=2')).trim().split('\n');
      expect(names).toEqual(expect.arrayContaining(['default', 'kube-system', 'shop'].map((name) => `namespace/${name}`)));
    });
  });

  describe('writes', () => {
    test('client-side apply creates, leaves alone, shows the difference, changes', async () => {
      expect(await kubectl.ok('apply -f -', deployment())).toBe('deployment.apps/web created\n');
      expect(await kubectl.ok('apply -f -', deployment())).toBe('deployment.apps/web unchanged\n');
      const { code, stdout } = await kubectl.run(['diff', '-f', '-'], deployment({ image: 'lab/other' }));
      expect([code, stdout]).toEqual([1, expect.stringMatching(/^\+ +- image: lab\/other$/m)]);
      expect(await kubectl.ok('apply -f -', deployment({ image: 'lab/other' }))).toBe('deployment.apps/web configured\n');
      expect(await kubectl.ok('describe deployment web -n shop')).toMatch(/Image: +lab\/other/);
      expect(await kubectl.ok('delete deployment web -n shop')).toContain('deleted');
    });

    test('an unknown field is refused, and only warned of when so wished', async () => {
      const wrong = deployment({ extra: '\n  colour: red' });
      expect(await kubectl.fails('create -f -', wrong)).toContain('strict decoding error: unknown field "spec.colour"');
      const warned = await kubectl.run(['create', '-f', '-', '--validate=warn', '--dry-run=server'], wrong);
      expect([warned.code, warned.stderr]).toEqual([0, 'Warning: unknown field "spec.colour"\n']);
    });

    test('server-side apply names who else manages a field, and takes it when forced', async () => {
      const apply = 'apply --server-side -f - --field-manager';
      expect(await kubectl.ok(`${apply}=one`, deployment())).toContain('serverside-applied');
      const refusal = await kubectl.fails(`${apply}=two`, deployment({ replicas: 9 }));
      expect(refusal).toContain('Apply failed with 1 conflict: conflict with "one": .spec.replicas');
      await kubectl.ok(`${apply}=two --force-conflicts`, deployment({ replicas: 9 }));
      expect(await kubectl.ok("get deployment web -n shop -o jsonpath='{.spec.replicas}'")).toBe('9');
      await kubectl.ok('delete deployment web -n shop');
    });

    test('the three types of patch', async () => {
      await kubectl.ok('create deployment patched -n shop --image=lab/echo --replicas=1 --port=80');
      const container = '{"spec":{"template":{"spec":{"containers":[{"name":"echo","env":[{"name":"A","value":"1"}]}]}}}}';
      await kubectl.ok(`patch deployment patched -n shop -p '${container}'`);
      await kubectl.ok(`patch deployment patched -n shop --type=merge -p '{"metadata":{"labels":{"a":"b"}}}'`);
      await kubectl.ok(`patch deployment patched -n shop --type=json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`);
      const path =
        '{.spec.replicas} {.metadata.labels.a} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].name}';
      expect(await kubectl.ok(`get deployment patched -n shop -o jsonpath='${path}'`)).toBe('3 b lab/echo A');
      await kubectl.ok('delete deployment patched -n shop');
    });

    test('label and annotate, with and without permission to overwrite', async () => {
      await kubectl.ok('label pod p -n shop istio.io/dataplane-mode=ambient');
      expect(await kubectl.fails('label pod p -n shop istio.io/dataplane-mode=none')).toContain('already has a value');
      await kubectl.ok('label pod p -n shop istio.io/dataplane-mode=none --overwrite');
      await kubectl.ok('label pod p -n shop istio.io/dataplane-mode-');
      await kubectl.ok('annotate pod p -n shop note=hello');
      expect(await kubectl.ok("get pod p -n shop -o jsonpath='{.metadata.annotations.note}'")).toBe('hello');
    });

    test('create: namespaces, service accounts and their tokens, config maps, secrets, services', async () => {
      await kubectl.ok('create serviceaccount bob -n shop');
      expect(await kubectl.ok('create token bob -n shop --audience=istio-ca --duration=20m')).toMatch(/^ey[\w-]+\.ey[\w-]+\.[\w-]+\s*$/);
      await kubectl.ok('create configmap c -n shop --from-literal=a=b');
      await kubectl.ok('create secret generic s -n shop --from-literal=password=xyz');
      expect(await kubectl.ok("get secret s -n shop -o jsonpath='{.data.password}'")).toBe('eHl6');
      await kubectl.ok('create service clusterip svc -n shop --tcp=80:8080');
      expect(await kubectl.ok('get service svc -n shop --no-headers')).toMatch(/^svc +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP +\d+s/);
      expect(await kubectl.fails('create configmap c -n shop')).toBe('error: failed to create configmap: configmaps "c" already exists\n');
      expect(await kubectl.fails('create configmap c -n nowhere')).toBe(
        'error: failed to create configmap: namespaces "nowhere" not found\n',
      );
    });

    test('scale, rollout status and wait follow what a controller says in the status', async () => {
      await kubectl.ok('create deployment rolled -n shop --image=lab/echo --replicas=1');
      expect(await kubectl.ok('scale deployment rolled -n shop --replicas=2')).toBe('deployment.apps/rolled scaled\n');
      expect(await kubectl.fails('rollout status deployment/rolled -n shop --timeout=1s')).toContain('timed out');
      const generation = await kubectl.ok("get deployment rolled -n shop -o jsonpath='{.metadata.generation}'");
      const counts = '"replicas":2,"readyReplicas":2,"availableReplicas":2,"updatedReplicas":2';
      const at = '"lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"';
      const conditions = `[{"type":"Available","status":"True","reason":"MinimumReplicasAvailable","message":"up",${at}}]`;
      const status = `{"status":{"observedGeneration":${generation},${counts},"conditions":${conditions}}}`;
      await kubectl.ok(`patch deployment rolled -n shop --subresource=status --type=merge -p '${status}'`);
      expect(await kubectl.ok('rollout status deployment/rolled -n shop --timeout=5s')).toContain('successfully rolled out');
      await kubectl.ok('wait --for=condition=Available deployment/rolled -n shop --timeout=5s');
      expect(await kubectl.ok('get deployment rolled -n shop --no-headers')).toMatch(/^rolled +2\/2 +2 +2 +\d+s/);
      await kubectl.ok('delete deployment rolled -n shop');
    });

    test('delete says by finalizers how dependents shall go', async () => {
      for (const [cascade, finalizers] of [
        ['foreground', '["foregroundDeletion"]'],
        ['orphan', '["orphan"]'],
      ] as const) {
        await kubectl.ok(`create deployment ${cascade} -n shop --image=lab/echo`);
        await kubectl.ok(`delete deployment ${cascade} -n shop --cascade=${cascade} --wait=false`);
        expect(await kubectl.ok(`get deployment ${cascade} -n shop -o jsonpath='{.metadata.finalizers}'`)).toBe(finalizers);
        await kubectl.ok(`patch deployment ${cascade} -n shop --type=merge -p '{"metadata":{"finalizers":null}}'`);
        expect(await kubectl.fails(`get deployment ${cascade} -n shop`)).toContain('not found');
      }
      await kubectl.ok('create deployment background -n shop --image=lab/echo');
      expect(await kubectl.ok('delete deployment background -n shop --cascade=background')).toContain('deleted');
    });

    test('get -w shows a change as it happens', async () => {
      const watching = kubectl.run(['get', 'configmaps', '-n', 'shop', '-w', '--request-timeout=2s', '--no-headers', '-o', 'name']);
      const done = new AbortController();
      void watching.finally(() => done.abort());
      for (let i = 0; !done.signal.aborted && i < 100; i++) {
        await kubectl.run(['create', 'configmap', `seen-${i}`, '-n', 'shop']);
      }
      const seen = (await watching).stdout.trim().split('\n');
      expect(seen.filter((name) => name.startsWith('configmap/seen-')).length).toBeGreaterThan(1);
    });
  });

  describe('custom kinds', () => {
    test('are validated, defaulted and printed by their definition', async () => {
      expect(await kubectl.fails('create -f -', door('{ width: 0 }'))).toContain(
        'The Door "d" is invalid: spec.width: Invalid value: 0: spec.width in body should be greater than or equal to 1',
      );
      expect(await kubectl.fails('create -f -', door('{ rooms: [a] }'))).toContain('spec.width: Required value');
      await kubectl.ok('create -f -', door('{ width: 80, rooms: [a, b] }'));
      expect(await columns('get doors -n shop')).toEqual(['NAME', 'WIDTH']);
      expect(await kubectl.ok('get dr d -n shop -o wide --no-headers')).toMatch(/^d +80 +\["a","b"\]\s*$/);
      expect(await kubectl.ok("get door d -n shop -o jsonpath='{.spec.colour}'")).toBe('red');
      expect(await kubectl.ok('describe door d -n shop')).toMatch(/Width: +80/);
    });

    test('have no strategic merge, and their status is another path', async () => {
      const refusal = await kubectl.fails(`patch door d -n shop --type=strategic -p '{"spec":{"width":9}}'`);
      expect(refusal).toMatch(/strategic|accepted media types include/);
      await kubectl.ok(`patch door d -n shop --type=merge -p '{"spec":{"width":81},"status":{"open":true}}'`);
      await kubectl.ok(`patch door d -n shop --type=merge --subresource=status -p '{"spec":{"width":82},"status":{"open":false}}'`);
      expect(await kubectl.ok("get door d -n shop -o jsonpath='{.spec.width} {.status.open} {.metadata.generation}'")).toBe('81 false 2');
    });

    test('go with their definition, and watches of them end', async () => {
      const watching = kubectl.run(['get', 'doors', '-n', 'shop', '-w', '--no-headers']);
      await kubectl.ok('delete crd doors.lab.example.com');
      expect((await watching).code).toBeLessThanOrEqual(1);
      expect(await kubectl.fails('get doors -n shop')).not.toBe('');
    });
  });
});
