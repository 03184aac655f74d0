package wire

import (
	"math"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	pb "github.com/escher-dbai/cloudops-engine/gen/cloudops/v1"
)

// EncodeEvent makes the message of an event. Its result comes with what is kept of its
// output, or without.
func EncodeEvent(ev *engine.Event, withOutput bool) (*pb.Event, error) {
	m := &pb.Event{
		EventType: string(ev.Kind), ExecutionId: idText(ev.ExecutionID), Timestamp: stamp(ev.Time), Cursor: int64(ev.Cursor),
	}
	switch ev.Kind {
	case engine.StdoutWritten, engine.StderrWritten: // first, and alone: nearly all are lines
		m.Line, m.LineBase64 = textAndBytes(ev.Line)
		m.LineNumber, m.Partial, m.Continues, m.Unended = ev.Number, ev.Partial, ev.Continues, ev.Unended
		return m, nil
	case engine.TerminalResized:
		m.Rows, m.Cols = uint32(ev.Size.Rows), uint32(ev.Size.Cols)
	case engine.DeadlineExtended:
		m.Deadline = stamp(ev.Deadline)
	case engine.OutputSkipped:
		m.Stream, m.Bytes = ev.Gap.Stream.String(), ev.Gap.Bytes
	case engine.EventsMissed:
		m.Missed = &pb.Missed{Executions: new(ev.Missed.Executions), Events: ev.Missed.Events}
	default:
	}
	m.Command, m.Actor, m.Error = text(ev.Command), EncodeActor(ev.Actor), text(ev.Error)
	m.OldStatus, m.NewStatus = string(ev.OldStatus), string(ev.NewStatus)
	m.TimeoutMs = int32(min(ev.Timeout.Milliseconds(), math.MaxInt32))
	if p := ev.Progress; p != nil {
		m.PlanId, m.Completed, m.Total = p.PlanID.String(), new(clamp(p.Completed)), new(clamp(p.Total))
		m.CurrentCommand, m.CommandStatus = text(p.CurrentCommand), string(p.State)
		m.CommandIndex, m.CommandAttempt, m.CommandId = new(clamp(p.Index)), clamp(p.Attempt), idText(p.CommandID)
		m.CommandElapsedMs, m.CommandEstimateMs, m.EstimateMs = positive(p.ElapsedMS), positive(p.EstimateMS), positive(p.PlanEstimateMS)
	}
	if ev.Result == nil {
		return m, nil
	}
	var err error
	m.Result, err = EncodeResult(ev.Result, withOutput)
	return m, err
}

// DecodeEvent makes an event of its message.
func DecodeEvent(m *pb.Event) (ev engine.Event, err error) {
	ev = engine.Event{Kind: engine.EventKind(m.GetEventType()), Time: when(m.GetTimestamp()), Cursor: engine.Cursor(m.GetCursor())}
	if ev.ExecutionID, err = idOf(m.GetExecutionId()); err != nil {
		return engine.Event{}, err
	}
	switch ev.Kind {
	case engine.StdoutWritten, engine.StderrWritten:
		ev.Line = exactBytes(m.Line, m.LineBase64)
		ev.Number, ev.Partial, ev.Continues, ev.Unended = m.GetLineNumber(), m.GetPartial(), m.GetContinues(), m.GetUnended()
		return ev, nil
	case engine.TerminalResized:
		ev.Size = DecodeSize(m.GetRows(), m.GetCols())
	case engine.DeadlineExtended:
		ev.Deadline = when(m.GetDeadline())
	case engine.OutputSkipped:
		if ev.Gap.Stream, err = ParseStream(m.GetStream()); err != nil {
			return engine.Event{}, err
		}
		ev.Gap.Bytes = m.GetBytes()
	case engine.EventsMissed:
		ev.Missed = engine.Missed{Executions: m.GetMissed().GetExecutions(), Events: m.GetMissed().GetEvents()}
	default:
	}
	ev.Command, ev.Actor, ev.Error = m.GetCommand(), DecodeActor(m.GetActor()), m.GetError()
	ev.OldStatus, ev.NewStatus = engine.Status(m.GetOldStatus()), engine.Status(m.GetNewStatus())
	ev.Timeout = time.Duration(m.GetTimeoutMs()) * time.Millisecond
	return ev, decodeRare(m, &ev)
}

// decodeRare reads what only a few events have.
func decodeRare(m *pb.Event, ev *engine.Event) error {
	if m.GetPlanId() != "" {
		plan, err := engine.ParseID(m.GetPlanId())
		if err != nil {
			return err
		}
		ev.Progress = &engine.Progress{
			PlanID: plan, Completed: int(m.GetCompleted()), Total: int(m.GetTotal()), CurrentCommand: m.GetCurrentCommand(),
			Index: int(m.GetCommandIndex()), Attempt: int(m.GetCommandAttempt()), State: engine.PlanState(m.GetCommandStatus()),
			ElapsedMS: m.GetCommandElapsedMs(), EstimateMS: m.GetCommandEstimateMs(), PlanEstimateMS: m.GetEstimateMs(),
		}
		if ev.Progress.CommandID, err = idOf(m.GetCommandId()); err != nil {
			return err
		}
	}
	if m.GetResult() == nil {
		return nil
	}
	r, err := DecodeResult(m.GetResult())
	ev.Result = &r
	return err
}

// positive is a number where there is one.
func positive(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}

// DecodeSize makes the size of a terminal of its numbers, and the largest of what is larger.
func DecodeSize(rows, cols uint32) engine.TerminalSize {
	return engine.TerminalSize{Rows: uint16(min(rows, math.MaxUint16)), Cols: uint16(min(cols, math.MaxUint16))}
}

// exactBytes is what textAndBytes was given.
func exactBytes(text *string, data []byte) []byte {
	if data != nil || text == nil {
		return data
	}
	return []byte(*text)
}
