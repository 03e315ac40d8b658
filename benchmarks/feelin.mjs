// feelin's side of `jiaoyan bench feel`: reads one request a line, answers one line, until its input ends.
//
//   {"expression": "…", "context": {…}, "times": 1}  ->  {"value": …, "nanoseconds": …}
import { createInterface } from 'node:readline';

import { evaluate } from '@bpmn-io/feelin';

for await (const line of createInterface({ input: process.stdin })) {
  const { expression, context, times } = JSON.parse(line);
  let answer;
  const began = process.hrtime.bigint();
  for (let time = 0; time < times; time += 1) answer = evaluate(expression, context);
  const nanoseconds = Number(process.hrtime.bigint() - began);
  console.log(JSON.stringify({ value: answer.value, warnings: answer.warnings?.map(String) ?? [], nanoseconds }));
}
