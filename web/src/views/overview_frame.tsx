// What the overviews of an account and of the whole service have in common: a range, figures, the chart.
import type { ComponentChildren, JSX } from "preact";
import type { Step } from "../api/types";
import type { Query } from "../query";
import type { Range } from "../range";
import { DeliveriesChart } from "../ui/chart";
import { RangeChoice } from "../ui/range_choice";
import { Failure } from "../ui/states";
import { InTimeFigure, LatencyFigure, OldestFigure, OutcomeFigures, WaitingFigure } from "./figures";

// `whole`: the range as one step. `needed`: what the screen cannot do without. `children`: below the chart.
export function OverviewFrame({ range, steps, whole, pending, inFlight, oldest, needed, children }: {
  range: Range; steps: Step[] | undefined; whole: Step[] | undefined; pending: number | undefined; inFlight?: number;
  oldest: string | null | undefined; needed: Query<unknown>[]; children: ComponentChildren;
}): JSX.Element {
  const failed = needed.find((query) => query.error && !query.data);
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Overview</h1></div>
        <div class="actions"><RangeChoice range={range} /></div>
      </div>
      {failed?.error ? <div class="card"><Failure error={failed.error} onRetry={failed.reload} /></div> : (
        <div class="stack">
          <dl class="figures">
            <OutcomeFigures steps={steps} />
            <LatencyFigure whole={whole} />
            <InTimeFigure whole={whole} />
            <WaitingFigure pending={pending} {...(inFlight === undefined ? {} : { inFlight })} />
            <OldestFigure since={oldest} />
          </dl>
          <DeliveriesChart steps={steps} range={range} events />
          {children}
        </div>
      )}
    </>
  );
}
