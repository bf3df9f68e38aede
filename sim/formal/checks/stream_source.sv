// SPDX-License-Identifier: Apache-2.0
// A neighbour that sends: any beats at any time, but one that is offered stays until it is taken.
// `offer` and `beat` are free inputs of the proof. No assumption is made, so none can be contradictory.
`default_nettype none

module stream_source #(
  parameter int unsigned WIDTH = 1
) (
  input  wire              clk,
  input  wire              rst_n,
  input  wire              offer,
  input  wire [WIDTH-1:0]  beat,
  output wire              valid,
  input  wire              ready,
  output wire [WIDTH-1:0]  data
);

  logic             waiting_q;
  logic [WIDTH-1:0] beat_q;

  assign valid = waiting_q || offer;
  assign data  = waiting_q ? beat_q : beat;

  always_ff @(posedge clk) begin
    waiting_q <= rst_n && valid && !ready;
    beat_q    <= data;
  end

endmodule

`default_nettype wire
