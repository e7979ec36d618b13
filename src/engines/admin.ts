import type { EngineAdmin } from "./admin-types.js";

/** Every engine forkbox has. What an engine does is loaded when it is asked. */
export function engineAdmins(): EngineAdmin[] {
  return [
    {
      name: "local",
      diagnose: async () => (await import("./local/doctor/doctor.js")).diagnose(),
      sessions: async () => (await import("./local/state/sessions.js")).listSessions(),
      prune: async (options) => (await import("./local/state/prune.js")).prune(options),
      kept: async () => (await import("./local/state/kept-size.js")).keptSize(),
    },
    {
      name: "dagger",
      diagnose: async () => (await import("./dagger/admin.js")).diagnose(),
      sessions: async () => (await import("./dagger/admin.js")).listSessions(),
      prune: async (options) => (await import("./dagger/admin.js")).prune(options),
    },
  ];
}
