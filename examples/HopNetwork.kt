// Android: the network of an exported bundle on LiteRT, one hop of 16 samples (64 ms) at a time.
//
// app/build.gradle.kts: implementation("com.google.ai.edge.litert:litert:1.+"); stream.tflite of
// `leadone export wrist --out DIR` goes to assets. This is the network alone: the filters before it
// and the rules after it are C (leadone.h), which Kotlin calls through JNI.

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.roundToInt
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

const val HOP_SAMPLES = 16
val INPUT_RANGES_MV = floatArrayOf(5f, 0.625f) // the lead twice, as -1..1

class HopNetwork(model: ByteBuffer) {
    private val net = Interpreter(model, Interpreter.Options().setNumThreads(1))
    private var inputs = List(net.inputTensorCount) { silence(net.getInputTensor(it)) }
    private var outputs = List(net.outputTensorCount) { silence(net.getOutputTensor(it)) }

    /** Logits of none, P, QRS, T for 8 frames of 8 ms, from 16 samples of filtered mV at 250 Hz. */
    fun push(filteredMv: FloatArray): List<FloatArray> {
        require(filteredMv.size == HOP_SAMPLES)
        (inputs + outputs).forEach { it.rewind() }
        val grid = net.getInputTensor(0).quantizationParams() // x: (1, 1, 16, 2), int8
        for (mv in filteredMv) for (range in INPUT_RANGES_MV) {
            val step = ((mv / range).coerceIn(-1f, 1f) / grid.scale).roundToInt() + grid.zeroPoint
            inputs[0].put(step.coerceIn(-128, 127).toByte())
        }
        inputs[0].rewind()
        val byIndex = outputs.withIndex().associate { (k, output) -> k to output as Any }
        net.runForMultipleInputsOutputs(inputs.toTypedArray<Any>(), byIndex)
        val waves = net.getOutputTensor(0).quantizationParams()
        val logits = List(8) { frame ->
            FloatArray(4) { (outputs[0][4 * frame + it] - waves.zeroPoint) * waves.scale }
        }
        // Outputs: waves, beats, deep, then the next states, in the order and on the grids of inputs.
        val states = inputs.drop(1)
        inputs = inputs.take(1) + outputs.drop(3)
        outputs = outputs.take(3) + states
        return logits
    }

    /** A tensor's bytes, each its zero point: a past without signal. */
    private fun silence(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder()).apply {
            repeat(tensor.numBytes()) { put(tensor.quantizationParams().zeroPoint.toByte()) }
        }
}
