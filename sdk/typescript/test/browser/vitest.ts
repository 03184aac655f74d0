// What the suite needs of vitest, for a page: its own expect, and a list of tests that Node runs one by one.
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import * as chai from "chai";

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = chai.expect;
export const tests = new Map<string, () => Promise<void>>();
let before: () => Promise<void> = () => Promise.resolve();
let begun: Promise<void> | undefined;

export const describe = (_name: string, define: () => void): void => define();
export const beforeAll = (prepare: () => Promise<void>): void => void (before = prepare);
export const afterAll = (): void => undefined; // the page is closed
export const test = (name: string, run: () => Promise<void>): void => {
  tests.set(name, async () => {
    await (begun ??= before());
    await run();
  });
};
