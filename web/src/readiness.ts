/** Who should be there when a station starts, and how it is with them. */
import type { Participant, Station } from "./wire";

export interface Check {
  who: "newcomer" | "interpreter" | "officer";
  state: "here" | "waiting" | "away" | "none";
  name: string;
}

/** One line each for the newcomer, a booked interpreter and the station's officers. `people`: as the host sees them. */
export function readiness(station: Station, people: readonly Participant[]): Check[] {
  return [there("newcomer", people), interpreter(people), officer(station)].filter((check) => check !== null);
}

export const lacks = (check: Check): boolean => check.state !== "here";

function there(who: "newcomer" | "interpreter", people: readonly Participant[]): Check {
  const those = people.filter((person) => person.role === who);
  const here = those.find((person) => person.present);
  const one = here ?? those[0];
  return { who, state: here ? "here" : "away", name: one && !one.unnamed ? one.name : "" };
}

/** Nobody is missed where none is booked; one at the office is seen without any device. */
function interpreter(people: readonly Participant[]): Check | null {
  const booked = people.filter((person) => person.role === "interpreter");
  const unseen = booked.every((person) => !person.present && person.place === "on_site");
  return unseen ? null : there("interpreter", booked);
}

function officer({ officers }: Station): Check {
  const best = officers.find((one) => one.present && one.ready) ?? officers.find((one) => one.present) ?? officers[0];
  if (!best) return { who: "officer", state: "none", name: "" };
  return { who: "officer", state: !best.present ? "away" : best.ready ? "here" : "waiting", name: best.name };
}
