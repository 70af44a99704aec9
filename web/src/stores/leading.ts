/** What the host does to the meeting, and what has to be asked first because it cuts somebody off. */
import { type Check, lacks, readiness } from "../readiness";
import type { Station } from "../wire";
import { useMeeting } from "./meeting";
import { usePage } from "./page";

export function useLeading() {
  const meeting = useMeeting();
  const page = usePage();

  function act(method: string, params: Record<string, unknown> = {}): void {
    void page.attempt(meeting.act(method, params));
  }

  /** The newcomer has said yes to this station beside those that go on. */
  function agreed(station: Station): boolean {
    const wanted = [station, ...meeting.activeStations];
    return (meeting.snapshot?.consents ?? []).some((consent) => wanted.every((one) => consent.stations.includes(one.number)));
  }

  /** The station that would be interrupted. */
  function interrupts(station: Station): Station | null {
    return agreed(station) ? null : (meeting.activeStations.find((one) => one.number !== station.number) ?? null);
  }

  function checks(station: Station): Check[] {
    return readiness(station, meeting.people);
  }

  /** Is there something to say before the station starts? */
  function asksFirst(station: Station): boolean {
    return interrupts(station) !== null || checks(station).some(lacks);
  }

  function officersOf(station: Station): string {
    const named = ({ name }: { name: string }) => !meeting.named({ name, role: "officer" }).unnamed;
    return station.officers.filter((officer) => officer.present && named(officer)).map((officer) => officer.name).join(", ");
  }

  return { act, agreed, interrupts, checks, asksFirst, officersOf };
}
