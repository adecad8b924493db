import type { JSX } from "preact";
import { kRanges, type Range } from "../range";
import { changeParams } from "../router";
import { Segments } from "./field";

// Which span the screen shows; held in the address.
export const RangeChoice = ({ range }: { range: Range }): JSX.Element => (
  <Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value })} />
);
