import { isLine } from "@cloudops/engine";
import { useExecutionLogs } from "@cloudops/engine/react";
import { useLayoutEffect, useRef, useState } from "react";

const rowHeight = 18; // as in style.css
const above = 20; // rows before the first that is seen
const shown = 160; // rows in the page: more than fit into the box

/** The output of an execution, live. Only the rows in view are in the page, however many there are. */
export function Terminal({ id }: { id: string }) {
  const log = useExecutionLogs(id);
  const [follow, setFollow] = useState(true);
  const [top, setTop] = useState(0);
  const box = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, log.length, log.dropped]);

  const scrolled = (to: number) => {
    if (to < top) setFollow(false); // the user looks at what was
    setTop(to);
  };

  const first = Math.max(0, Math.floor(top / rowHeight) - above);
  return (
    <>
      <p className="bar">
        <label>
          <input type="checkbox" checked={follow} onChange={(e) => setFollow(e.target.checked)} /> follow
        </label>
        <span data-state={log.state}>{log.state}</span>
        <span data-lines={log.length + log.dropped}>{log.length + log.dropped} lines</span>
      </p>
      <div ref={box} className="log" onScroll={(e) => scrolled(e.currentTarget.scrollTop)}>
        <pre style={{ paddingTop: first * rowHeight, height: log.length * rowHeight }}>
          {log.slice(first, first + shown).map((entry, i) => (
            <div key={log.dropped + first + i} className={entry.event_type}>
              {isLine(entry) ? entry.line : `[${entry.bytes} bytes are missing]`}
            </div>
          ))}
        </pre>
      </div>
      {log.error instanceof Error && (
        <p role="alert">
          {log.error.message} <button onClick={log.retry}>Try again</button>
        </p>
      )}
    </>
  );
}
