// Carries a plan out: dials in clear, takes a stream of a pooled tunnel, or opens a tunnel inside a tunnel. Gives back the far end of the connection.
// Last step of serve.ts before bytes move; the same-node hand-over is serve.ts's own, because there is no far end to make.
// Faults come out typed; which response flag they mean is telemetry/flags.ts.
import { dialSocket } from '@ambient-mesh/host/sockets';
import { familyOf, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import type { Hop } from '@ambient-mesh/model/next-hop';
import type { Workload } from '@ambient-mesh/model/workload';
import { baggageOf } from '@ambient-mesh/wire/baggage';
import type { ConnectRequest } from '@ambient-mesh/wire/hbone/connect-request';
import { openInner } from '@ambient-mesh/wire/hbone/double';
import type { TunnelStream } from '@ambient-mesh/wire/hbone/tunnel';
import type { Conduit } from '@ambient-mesh/wire/pump';
import { connectTcp, type TcpConduit } from '@ambient-mesh/wire/tcp';
