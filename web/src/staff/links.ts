/** Links for everybody, made one after the other; each can be made again by itself. */
import { reactive } from "vue";
import { invite } from "../stores/api";
import type { InviteAnswer, MeetingResource } from "../wire";
import { type Draft, type Wanted, wanted } from "./draft";

export interface MadeLink extends Wanted {
  answer: InviteAnswer | null;
  failed: boolean;
}

export function linksFor(draft: Draft, meeting: MeetingResource): MadeLink[] {
  return reactive(wanted(draft, meeting).map((one) => ({ ...one, answer: null, failed: false })));
}

/** With the same key as before the server gives the same link again, so that a reload loses nothing. */
export async function makeLink(link: MadeLink, meeting: string): Promise<void> {
  link.failed = false;
  try {
    link.answer = await invite(meeting, link.request, `link ${meeting} ${link.key}`);
  } catch {
    link.failed = true;
  }
}

export async function makeLinks(links: MadeLink[], meeting: string): Promise<void> {
  for (const link of links) if (!link.answer) await makeLink(link, meeting);
}
