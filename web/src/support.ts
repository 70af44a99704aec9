/** What support and tests may look at from outside: the filtered snapshot, and the browser's own media counters. */
import { useMedia } from "./stores/media";
import { useMeeting } from "./stores/meeting";
import type { Snapshot } from "./wire";
import type { ConsumerStats } from "./media/counters";

interface Support {
  readonly snapshot: Snapshot | null;
  readonly connection: string;
  stats: () => Promise<ConsumerStats[]>;
}

declare global {
  interface Window {
    __motesrum?: Support;
  }
}

export function exposeSupport(): void {
  const meeting = useMeeting();
  const media = useMedia();
  window.__motesrum = {
    get snapshot() {
      return meeting.snapshot;
    },
    get connection() {
      return meeting.connection;
    },
    stats: () => media.stats(),
  };
}
