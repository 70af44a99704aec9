/** The meeting that is being planned in this tab, kept over a reload until it is finished or given up. */
import { uuid } from "../media/rpc";
import { createMeeting } from "../stores/api";
import type { MeetingResource } from "../wire";
import { asRequest, continueAfter, type Draft } from "./draft";

const PLACE = "motesrum-new-meeting";

export interface Kept {
  draft: Draft;
  /** The meeting that was made of it. */
  made: string | null;
  /** The last attempt to make it: the same again gives the same meeting. */
  attempt: { key: string; body: string } | null;
}

export function kept(): Kept | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(PLACE) ?? "null") as Kept | null;
    if (!found?.draft?.stations || !found.draft.also) return null;
    continueAfter(found.draft);
    return found;
  } catch {
    return null;
  }
}

export function keep(now: Kept): void {
  sessionStorage.setItem(PLACE, JSON.stringify(now));
}

export function drop(): void {
  sessionStorage.removeItem(PLACE);
}

/** Pressed twice, or again after a reload in the middle of it, it makes one meeting. */
export async function create(now: Kept, timeZone: string): Promise<MeetingResource> {
  const wanted = asRequest(now.draft, timeZone);
  const body = JSON.stringify(wanted);
  if (now.attempt?.body !== body) now.attempt = { key: uuid(), body };
  keep(now);
  const made = await createMeeting(wanted, now.attempt.key);
  now.made = made.id;
  keep(now);
  return made;
}
