/** Every state to look at: a scene, and what else has happened at the page. */
import { scenes } from "./scenes";

export const VARIANTS: Record<string, string> = {
  ...Object.fromEntries(Object.keys(scenes).map((scene) => [scene, scene])),
  "newcomer-lost": "newcomer-talking?state=lost",
  "newcomer-tap": "newcomer-talking?tap=1",
  "newcomer-refused": "newcomer-talking?refused=1",
  "newcomer-signal": "newcomer-talking?signal=1",
  "newcomer-replaced": "newcomer-talking?ending=replaced",
  "newcomer-removed": "newcomer-talking?ending=removed",
  "newcomer-over": "newcomer-talking?ending=refused",
  "host-lost": "host?state=lost",
  "host-signal": "host?signal=1",
  "officer-lobby-refused": "officer-lobby?refused=1",
  "officer-lost": "officer-room?state=lost",
  "officer-tap": "officer-room?tap=1",
  "officer-replaced": "officer-room?ending=replaced",
  "interpreter-lost": "interpreter?state=lost",
  "companion-refused": "companion-lobby?refused=1",
  components: "components",
};
