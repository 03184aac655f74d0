import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** As much of Amazon RDS as the AWS CLI needs to take a snapshot and to stop an instance: its query protocol, over HTTP. */
export interface Rds extends AsyncDisposable {
  /** What the AWS CLI needs in its environment. */
  env: Record<string, string>;
  calls: string[];
  instance: string;
  /** How often a snapshot is described before it is available, and how often a call fails with a throttle. */
  slowness: number;
  throttles: number;
}

export async function serveRds(): Promise<Rds> {
  const rds = { calls: [] as string[], instance: "available", slowness: 2, throttles: 0 };
  const snapshots = new Map<string, number>();
  const act: Record<string, (p: URLSearchParams) => string> = {
    CreateDBSnapshot: (p) => (snapshots.set(p.get("DBSnapshotIdentifier")!, 0), snapshot(p.get("DBSnapshotIdentifier")!, "creating")),
    DescribeDBSnapshots: (p) => {
      const id = p.get("DBSnapshotIdentifier")!;
      const seen = (snapshots.get(id) ?? 0) + 1;
      snapshots.set(id, seen);
      return `<DBSnapshots>${snapshot(id, seen > rds.slowness ? "available" : "creating")}</DBSnapshots>`;
    },
    StopDBInstance: (p) => ((rds.instance = "stopped"), instance(p.get("DBInstanceIdentifier")!, "stopping")),
    DescribeDBInstances: (p) => `<DBInstances>${instance(p.get("DBInstanceIdentifier") ?? "db-1", rds.instance)}</DBInstances>`,
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (text) => (body += text));
    request.on("end", () => {
      const parameters = new URLSearchParams(body);
      const action = parameters.get("Action")!;
      rds.calls.push(action);
      const throttled = action === "CreateDBSnapshot" && rds.throttles-- > 0;
      response.writeHead(throttled ? 400 : 200, { "content-type": "text/xml" });
      if (throttled) response.end("<ErrorResponse><Error><Code>ThrottlingException</Code><Message>Rate exceeded</Message></Error></ErrorResponse>");
      else response.end(`<${action}Response><${action}Result>${act[action]!(parameters)}</${action}Result></${action}Response>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test-secret-key",
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_MAX_ATTEMPTS: "1",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  return Object.assign(rds, { env, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()) });
}

const snapshot = (id: string, status: string) => `<DBSnapshot><DBSnapshotIdentifier>${id}</DBSnapshotIdentifier><Status>${status}</Status></DBSnapshot>`;
const instance = (id: string, status: string) => `<DBInstance><DBInstanceIdentifier>${id}</DBInstanceIdentifier><DBInstanceStatus>${status}</DBInstanceStatus></DBInstance>`;
