// Line icons on a 24-pixel grid, drawn for this page.
import type { JSX } from "preact";

function icon(...paths: string[]) {
  return (props: { class?: string }): JSX.Element => (
    <svg class={props.class} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
         stroke-linejoin="round" aria-hidden="true" focusable="false">
      {paths.map((d) => <path key={d} d={d} />)}
    </svg>
  );
}

export const OverviewIcon = icon("M4 20V10", "M10 20V4", "M16 20v-7", "M22 20H2");
export const WebhookIcon = icon("M12 3v9", "M12 12a5 5 0 1 0 5 5", "M12 3h.01");
export const ListIcon = icon("M8 6h13", "M8 12h13", "M8 18h13", "M3 6h.01", "M3 12h.01", "M3 18h.01");
export const PeopleIcon = icon("M16 20v-2a4 4 0 0 0-4-4H7a4 4 0 0 0-4 4v2", "M9.5 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7", "M21 20v-2a4 4 0 0 0-3-3.8", "M16 3.2a3.5 3.5 0 0 1 0 6.6");
export const SendIcon = icon("M21 3 10 14", "M21 3l-7 18-4-7-7-4z");
export const NodesIcon = icon("M3 4h18v6H3z", "M3 14h18v6H3z", "M7 7h.01", "M7 17h.01");
export const SunIcon = icon("M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8", "M12 2v2", "M12 20v2", "M4.9 4.9l1.4 1.4", "M17.7 17.7l1.4 1.4", "M2 12h2", "M20 12h2", "M4.9 19.1l1.4-1.4", "M17.7 6.3l1.4-1.4");
export const MoonIcon = icon("M20.5 14.2A8.5 8.5 0 1 1 9.8 3.5a7 7 0 0 0 10.7 10.7z");
export const ScreenIcon = icon("M3 4h18v12H3z", "M8 20h8", "M12 16v4");
export const CheckIcon = icon("M4.5 12.5l5 5L20 7");
export const CrossIcon = icon("M6 6l12 12", "M18 6L6 18");
export const ClockIcon = icon("M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18", "M12 7v5l3.2 2");
export const AlertIcon = icon("M12 3 2 20h20z", "M12 10v4", "M12 17h.01");
export const InfoIcon = icon("M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18", "M12 11v5", "M12 8h.01");
export const CopyIcon = icon("M9 9h11v11H9z", "M5 15H4V4h11v1");
export const PlusIcon = icon("M12 5v14", "M5 12h14");
export const ChevronIcon = icon("M9 6l6 6-6 6");
export const BackIcon = icon("M15 6l-6 6 6 6");
export const UpIcon = icon("M6 15l6-6 6 6");
export const DownIcon = icon("M6 9l6 6 6-6");
export const RetryIcon = icon("M20 11a8 8 0 1 0-2.3 6.3", "M20 4v7h-7");
export const ReplayIcon = icon("M4 12a8 8 0 1 0 2.4-5.7", "M4 4v5h5", "M12 8v4l2.6 1.6");
export const OutIcon = icon("M10 4H5v16h5", "M15 8l4 4-4 4", "M19 12H9");
export const KeyIcon = icon("M8 18a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9", "M11.5 10.5 20 3", "M16 6.5l3 3");
export const SearchIcon = icon("M10.5 18a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15", "M21 21l-5-5");
export const PlugIcon = icon("M9 3v5", "M15 3v5", "M6 8h12v3a6 6 0 0 1-12 0z", "M12 17v4");
export const CodeIcon = icon("M8 7l-5 5 5 5", "M16 7l5 5-5 5");
export const PauseIcon = icon("M8 5v14", "M16 5v14");
