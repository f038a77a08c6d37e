// Every code that `analyze` may report: what it means, how bad it is, why it matters, and what to do. Pure data.
// Read by the analyzers, by the command that prints advice, and by docs/analyze.md, which a test keeps equal to this table.
// Codes that begin with IST mean what they mean in Istio (facts: control-plane §9.3); those that begin with AMB are ours.

export const levels = ['Info', 'Warning', 'Error'] as const;
export type Level = (typeof levels)[number];

export interface CodeEntry {
  readonly name: string;
  readonly level: Level;
  /** When it is reported, and why that matters. */
  readonly about: string;
  /** What to do about it, as an order. */
  readonly advice: string;
}

export const codes = {
  IST0101: {
    name: 'ReferencedResourceNotFound',
    level: 'Error',
    about: 'A route, policy or rule names a service, subset, target or namespace that does not exist: what it says has no effect there.',
    advice: 'Correct the name, or create what it names.',
  },
  IST0106: {
    name: 'SchemaValidationError',
    level: 'Error',
    about: 'A part of an object cannot be carried out as it is written. It is left out, or refuses traffic, as the message says.',
    advice: 'Correct the field that the message names.',
  },
  IST0107: {
    name: 'MisplacedAnnotation',
    level: 'Warning',
    about: 'A word of the mesh stands where nobody reads it: on another kind of object, or as an annotation where it is a label.',
    advice: 'Move it to where the message says.',
  },
  IST0108: {
    name: 'UnknownAnnotation',
    level: 'Warning',
    about: 'A label or annotation of the mesh has a name that nothing reads; most often it is misspelt.',
    advice: 'Correct its name, or remove it.',
  },
  IST0118: {
    name: 'PortNameIsNotUnderNamingConvention',
    level: 'Info',
    about:
      'Neither the name nor the appProtocol of a port says what it speaks: a waypoint has to look at the first bytes, which protocols where the server speaks first do not give.',
    advice: 'Set appProtocol, or let the name begin with the protocol and a hyphen: http-web, tcp-db.',
  },
  IST0123: {
    name: 'NamespaceMultipleInjectionLabels',
    level: 'Warning',
    about: 'A namespace asks for sidecars and for ambient mode: its pods get sidecars, and node tunnels leave those alone.',
    advice: 'Remove istio-injection (or istio.io/dataplane-mode, if sidecars are wanted).',
  },
  IST0125: {
    name: 'InvalidAnnotation',
    level: 'Warning',
    about: 'An annotation or label of the mesh has a value that cannot be read, and counts as absent.',
    advice: 'Give it one of the values that the message names.',
  },
  IST0127: {
    name: 'NoMatchingWorkloadsFound',
    level: 'Warning',
    about: 'The selector of a policy selects no pod that is in the mesh: the policy protects nothing.',
    advice: 'Correct the selector, or enrol the pods that it selects.',
  },
  IST0134: {
    name: 'ServiceEntryAddressesRequired',
    level: 'Warning',
    about: 'A port of plain TCP is told apart by address alone, and the entry has none, nor may the mesh give it one.',
    advice: 'Write addresses into the entry, or let the mesh allocate them.',
  },
  IST0144: {
    name: 'InvalidApplicationUID',
    level: 'Warning',
    about: 'A container runs as user 1337, which is kept for proxies: what such a user sends is not captured.',
    advice: 'Let the application run as another user.',
  },
  IST0166: {
    name: 'IneffectiveSelector',
    level: 'Warning',
    about: 'A policy selects the pods of a waypoint or gateway by labels: those are reached by targetRefs only.',
    advice: 'Attach the policy with targetRefs, to the Gateway or to a service.',
  },
  IST0167: {
    name: 'IneffectivePolicy',
    level: 'Warning',
    about: 'An object has no effect in ambient mode.',
    advice: 'Remove it, or say the same by means that ambient mode has.',
  },
  IST0171: {
    name: 'NegativeConditionStatus',
    level: 'Warning',
    about: 'The status of an object says that it does not work.',
    advice: 'Do what the message of the condition asks for.',
  },
  IST0175: {
    name: 'JwksUriFetchUnrestricted',
    level: 'Warning',
    about:
      'Keys of tokens are fetched from an address that whoever may write the policy can point inside the cluster or at the node, or over a connection that can be tampered with.',
    advice: 'Use an https address of the identity provider, or write the keys into jwks.',
  },
  IST0177: {
    name: 'ConflictingServiceEntryProtocol',
    level: 'Warning',
    about: 'Several entries give the same host and port different protocols; which of them holds depends on their age.',
    advice: 'Let all of them name the same protocol.',
  },
  AMB0001: {
    name: 'LayerSevenPolicyWithoutWaypoint',
    level: 'Error',
    about:
      'A policy speaks of requests, and no waypoint sees the requests that it is about. Rules that allow are left out, so more is refused than written; rules that deny may deny nothing.',
    advice: 'Deploy a waypoint (ambientctl waypoint apply --enroll-namespace), and attach the policy to the service with targetRefs.',
  },
  AMB0002: {
    name: 'RouteWithoutWaypoint',
    level: 'Warning',
    about: 'A route is for a service that has no waypoint: nobody carries it out.',
    advice: 'Label the service or its namespace istio.io/use-waypoint, and deploy the waypoint.',
  },
  AMB0003: {
    name: 'WaypointMissing',
    level: 'Error',
    about: 'The label istio.io/use-waypoint names a Gateway that does not exist: traffic goes past it, and its policies are not applied.',
    advice: 'Deploy it (ambientctl waypoint apply --name …), or correct the label.',
  },
  AMB0004: {
    name: 'WaypointNotReady',
    level: 'Error',
    about: 'A waypoint has no address or no ready pod. Whatever should go through it goes past it, or fails.',
    advice: 'Look at its pods and at ambientctl waypoint status; is a control plane of its revision running?',
  },
  AMB0005: {
    name: 'WaypointRefusesNamespace',
    level: 'Error',
    about: 'The listener of the waypoint does not admit the namespace (allowedRoutes): its traffic goes past the waypoint.',
    advice: 'Set allowedRoutes.namespaces.from of the listener to All or to a Selector of the namespace.',
  },
  AMB0006: {
    name: 'WaypointTakesOtherTraffic',
    level: 'Warning',
    about: 'What the waypoint is for (istio.io/waypoint-for) is not what asks for it, so traffic goes past it.',
    advice: 'Set istio.io/waypoint-for of the Gateway to all, or use a waypoint that is for this.',
  },
  AMB0007: {
    name: 'RequiredWaypointAbsent',
    level: 'Error',
    about: 'A waypoint is required (ambient-mesh.dev/require-waypoint) and there is none: everything is refused.',
    advice: 'Give the service a waypoint, or remove the requirement.',
  },
  AMB0008: {
    name: 'NetworkPolicyBlocksMesh',
    level: 'Error',
    about:
      'NetworkPolicies let the port of the application through, but not TCP 15008, which carries all traffic of the mesh. Connections time out.',
    advice:
      'Add TCP port 15008 to the rules, from and to the same peers. Which port of the application may be reached is for an AuthorizationPolicy.',
  },
  AMB0009: {
    name: 'NamedPortMissing',
    level: 'Error',
    about: 'A service leads to a container port by name, and pods behind it have no port of that name: they are not reached.',
    advice: 'Name the port in the pods, or write its number into the service.',
  },
  AMB0010: {
    name: 'ServiceWithoutEndpoints',
    level: 'Warning',
    about: 'Nothing is behind a service, or nothing that is ready: connections to it fail.',
    advice: 'Compare its selector with the labels of the pods, and look why pods are not ready.',
  },
  AMB0011: {
    name: 'NetworkWithoutGateway',
    level: 'Warning',
    about: 'A workload says that it is in another network than the cluster, and no gateway leads there.',
    advice: 'Correct topology.istio.io/network, or add the Gateway of that network.',
  },
  AMB0012: {
    name: 'StrictWithClientsOutside',
    level: 'Warning',
    about: 'Mutual TLS is required of workloads to which clients outside of the mesh are led: those are refused.',
    advice: 'Enrol the clients, or make the port that they use PERMISSIVE.',
  },
  AMB0013: {
    name: 'HostNetworkPod',
    level: 'Info',
    about: 'A pod in the network of its node cannot be in the mesh, though its namespace is: it sends and takes plain text.',
    advice: 'Take it out of the host network, or label it istio.io/dataplane-mode=none to say that this is meant.',
  },
  AMB0014: {
    name: 'PodNotEnrolled',
    level: 'Error',
    about: 'A pod should be in the mesh and is not: its traffic is plain text, and no policy of the mesh protects it.',
    advice: 'See the Events of the pod (kubectl describe pod) and the agent of its node; restarting the pod enrols it anew.',
  },
  AMB0015: {
    name: 'PolicyNotAsWritten',
    level: 'Warning',
    about: 'Node tunnels enforce a policy otherwise than it is written, as the message says.',
    advice: 'Correct the policy, or attach it to a waypoint with targetRefs.',
  },
  AMB0016: {
    name: 'IdentityNobodyHas',
    level: 'Warning',
    about: 'A policy names an identity that no workload has, so that the rule matches nobody.',
    advice: 'Write principals as trust.domain/ns/NAMESPACE/sa/ACCOUNT, without spiffe://, of an account that pods use.',
  },
  AMB0017: {
    name: 'PolicyNamesServicePort',
    level: 'Warning',
    about: "A policy for node tunnels names the port of a service. They compare the pod's own port, so the rule matches nothing.",
    advice: 'Write the target port.',
  },
  AMB0018: {
    name: 'PeerAuthenticationWithoutEffect',
    level: 'Info',
    about: 'A PeerAuthentication is never looked at, or means something else than it says.',
    advice: 'Do as the message says.',
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;

export type Code = keyof typeof codes;

export const isCode = (text: string): text is Code => Object.hasOwn(codes, text);
