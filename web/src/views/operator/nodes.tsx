// The nodes that share a store, and how long each may act on what it owns.
import type { JSX } from "preact";
import { operator } from "../../api/operator";
import type { NodeLease } from "../../api/types";
import { serverNow } from "../../clock";
import { useQuery } from "../../query";
import { NodesIcon } from "../../ui/icons";
import { BoneRows, Empty, Failure } from "../../ui/states";
import { Countdown, Foreign, Time } from "../../ui/text";

const kRefreshMs = 3_000; // leases are renewed every few seconds

export function Nodes(): JSX.Element {
  const nodes = useQuery("nodes", operator.nodes, kRefreshMs);
  return (
    <>
      <div class="head"><div class="titles"><h1>Nodes</h1><p>A node delivers what it accepted for as long as its lease lasts. Once a lease has ended, the others take its work over.</p></div></div>
      <div class="card">
        {nodes.error && !nodes.data ? <Failure error={nodes.error} onRetry={nodes.reload} /> : nodes.data?.length === 0 ? (
          <Empty title="This server works alone" icon={<NodesIcon />}>It keeps everything in its embedded store. Several nodes on one PostgreSQL appear here, each with its lease.</Empty>
        ) : (
          <div class="table-holder">
            <table class="table">
              <thead><tr><th>Node</th><th>State</th><th class="optional right">Started</th><th class="right">Lease ends</th></tr></thead>
              <tbody>{!nodes.data ? <BoneRows rows={2} columns={[140, 70, 60, 80]} /> : nodes.data.map((node) => <Row key={node.id} node={node} />)}</tbody>
            </table>
          </div>
        )}
      </div>
    </>
  );
}

function Row({ node }: { node: NodeLease }): JSX.Element {
  const holds = Date.parse(node.lease_until) > serverNow();
  return (
    <tr>
      <td><div class="primary-cell"><b class="truncate"><Foreign>{node.name}</Foreign></b><span class="sub number">Node {node.id}{node.is_self ? ", answers this page" : ""}</span></div></td>
      <td>{holds ? <span class="badge good"><span class="dot good" />Working</span> : <span class="badge bad"><span class="dot bad" />Gone</span>}</td>
      <td class="optional right nowrap"><Time at={node.started_at} relative /></td>
      <td class="right nowrap">{holds ? <Countdown to={node.lease_until} /> : <Time at={node.lease_until} relative />}</td>
    </tr>
  );
}
