// iOS and macOS: samples in, beats out, by the C core as a static library.
//
// Add the .c files of `leadone export wrist --out DIR` to a target, and to its bridging header:
//   #include "leadone.h"

final class LeadOne {
    private let memory: UnsafeMutableRawPointer
    private let state: OpaquePointer

    /// Nil for a rate outside 50 to 20,000 Hz. The memory is all that a stream ever takes.
    init?(rateHz: Double) {
        let bytes = leadone_state_size(rateHz)
        guard bytes > 0 else { return nil }
        memory = .allocate(byteCount: bytes, alignment: MemoryLayout<Double>.alignment)
        guard let made = leadone_init(memory, bytes, rateHz, nil) else {
            memory.deallocate()
            return nil
        }
        state = made
    }

    deinit { memory.deallocate() }

    /// Samples in mV, NaN where one is missing; the events do not depend on how many come at once.
    func push(_ mv: [Float], onEvent: (leadone_event) -> Void) {
        mv.withUnsafeBufferPointer { samples in
            var used = 0
            while used < samples.count {
                used += leadone_push(state, samples.baseAddress! + used, samples.count - used)
                takeEvents(onEvent)
            }
        }
    }

    /// The end of the record; `leadone_reset` makes ready for another.
    func finish(onEvent: (leadone_event) -> Void) {
        _ = leadone_push(state, nil, 0)
        takeEvents(onEvent)
        leadone_reset(state)
    }

    private func takeEvents(_ onEvent: (leadone_event) -> Void) {
        var event = leadone_event()
        while leadone_next_event(state, &event) { onEvent(event) }
    }
}

// LeadOne(rateHz: 512)?.push(samples) { event in
//     if event.kind == Int32(LEADONE_BEAT.rawValue) { print(event.of.beat.r_s) }
// }
