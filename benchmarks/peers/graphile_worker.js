// A worker of graphile-worker, with the batching that its docs (performance) recommend for a high throughput.
import { readFileSync } from "node:fs";
import { Logger, run, runMigrations } from "graphile-worker";

const [connectionString, command] = process.argv.slice(2);
const enroll = readFileSync(new URL("enroll.sql", import.meta.url), "utf8");
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(`ERROR ${message}`);
});
const preset = {
  worker: {
    connectionString,
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger,
  },
};

if (command === "install") {
  await runMigrations({ preset });
} else {
  await run({
    preset,
    taskList: {
      enroll: ({ student }, { query }) => query({ name: "enroll", text: enroll, values: [[student]] }),
    },
  });
  console.log("ready");
}
