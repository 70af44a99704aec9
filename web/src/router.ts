import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";

const routes: RouteRecordRaw[] = [
  { path: "/", component: () => import("./views/StaffHome.vue") },
  { path: "/new", component: () => import("./views/NewMeeting.vue") },
  { path: "/j/:code", component: () => import("./views/JoinLink.vue"), props: true },
  { path: "/t", component: () => import("./views/JoinToken.vue") },
  { path: "/admin", component: () => import("./views/AdminHome.vue") },
  { path: "/u/:code", component: () => import("./views/AccountLink.vue"), props: true },
  { path: "/pool", component: () => import("./views/PoolView.vue") },
  { path: "/agency", component: () => import("./views/AgencyHome.vue") },
  { path: "/ledger", component: () => import("./views/LedgerView.vue") },
  { path: "/hearing/:meeting", component: () => import("./views/HearingView.vue"), props: true },
  { path: "/s/:code", component: () => import("./views/StaffLink.vue"), props: true },
  { path: "/connection", component: () => import("./views/ConnectionView.vue") },
  { path: "/screen", component: () => import("./views/ScreenView.vue") },
  { path: "/:rest(.*)*", component: () => import("./views/NotFound.vue") },
];

// Pages on made-up meetings, to look at while working. Left out of the build that is served.
if (import.meta.env.DEV || import.meta.env.MODE === "gallery") {
  routes.unshift(
    { path: "/gallery", component: () => import("./dev/GalleryIndex.vue") },
    { path: "/gallery/components", component: () => import("./dev/ComponentsView.vue") },
    { path: "/gallery/desk/:scene", component: () => import("./dev/DeskView.vue"), props: true },
    { path: "/gallery/:scene", component: () => import("./dev/GalleryView.vue"), props: true },
  );
}

export const router = createRouter({ history: createWebHistory("/"), routes });
