// SPDX-License-Identifier: Apache-2.0
// A LUT with two outputs as two LUTs, for a place and route that does not know the former.
// O6 = INIT[I5..I0]; O5 = the lower half of INIT at I4..I0 (UG953). Both can share a site again, I5 being high.
(* techmap_celltype = "LUT6_2" *)
module lut6_2_as_two (O5, O6, I0, I1, I2, I3, I4, I5);
  parameter [63:0] INIT = 64'd0;
  output O5, O6;
  input I0, I1, I2, I3, I4, I5;

  LUT6 #(.INIT(INIT)) upper (.O(O6), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4), .I5(I5));
  LUT5 #(.INIT(INIT[31:0])) lower (.O(O5), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4));
endmodule
