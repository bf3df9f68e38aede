// SPDX-License-Identifier: Apache-2.0
// stream_probe: the beat counter stays in a frame; the signature moves with the last beat of a frame only, and then
// to what has been summed up so far.
`default_nettype none

module stream_probe_proof #(
  parameter int unsigned WIDTH = 8,
  parameter int unsigned FRAME_BEATS = 3
) (
  input wire             clk,
  input wire             reset_n,
  input wire             valid, ready,
  input wire [WIDTH-1:0] data
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [31:0] signature;
  stream_probe #(.WIDTH(WIDTH), .FRAME_BEATS(FRAME_BEATS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n), .valid, .ready, .data, .signature
  );

  wire frame_end;
  wire [$clog2(FRAME_BEATS+1)-1:0] beat;
  logic ended_q, reset_q;
  logic [31:0] signature_q;
  modulo #(.PERIOD(FRAME_BEATS)) i_beats (.clk, .rst_n, .step(valid && ready), .last(frame_end), .count(beat));
  always_ff @(posedge clk) begin
    ended_q     <= rst_n && valid && ready && frame_end;
    reset_q     <= !rst_n;
    signature_q <= signature;
  end

  always_comb begin
    if (rst_n) begin
      beat_in_range:   assert (dut.beat_q < FRAME_BEATS);
      beat_exact:      assert (dut.beat_q == 32'(beat));  // without it induction does not know where a frame ends
      starts_at_one:   assert (!reset_q || signature == 32'd1);
      whole_frames:    assert (reset_q || signature == (ended_q ? dut.hash_q : signature_q));
    end
  end

endmodule

`default_nettype wire
