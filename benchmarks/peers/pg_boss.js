// Workers of pg-boss, with the batches, local concurrency and transactional handlers that its docs (workers) describe.
import { readFileSync } from "node:fs";
import { PgBoss } from "pg-boss";

const [connectionString, command] = process.argv.slice(2);
const enroll = readFileSync(new URL("enroll.sql", import.meta.url), "utf8");
const boss = new PgBoss({ connectionString, max: 10 });
boss.on("error", (error) => console.error(`ERROR ${error}`));
await boss.start();

if (command === "install") {
  await boss.createQueue("enroll");
  await boss.stop();
} else {
  const options = {
    batchSize: 500,
    localConcurrency: 2,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
    transactional: true,
  };
  await boss.work("enroll", options, async (jobs, transaction) => {
    await transaction.executeSql(enroll, [jobs.map((job) => job.data.student)]);
  });
  console.log("ready");
}
