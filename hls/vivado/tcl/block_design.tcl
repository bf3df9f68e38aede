# The shell around the accelerator:
#
#   processing system --control--> AXI interconnect --> registers of the DMA and the interrupt controller
#   DDR <--memory-- SmartConnect <-- DMA --> unpack --> pixelmend --> pack --> DMA
#   interrupts of the DMA, and of a wrong frame length, --> interrupt controller --> processing system
#
# Each further output has a packer and a DMA of its own, which only writes.
#
# One clock, from the processing system, and one reset, synchronous to it.

proc open_shell_project {design here work repositories} {
  say_step 3 "opening the project"
  create_project -force shell [file join $work shell] -part [dict get $design part]
  set board [get_board_parts -quiet -latest_file_version [dict get $design board_part]:*]
  if {[llength $board] > 0} {
    set_property board_part [lindex $board end] [current_project]
    set connection [dict get $design board_connection]
    if {[llength $connection] > 0 && [catch {set_property board_connections $connection [current_project]} message]} {
      puts "PIXELMEND NOTE the carrier's preset is left out: $message"
    }
  } else {
    puts "PIXELMEND NOTE no board files for [dict get $design board_part]: fallback of [dict get $design board]"
  }
  set_property target_language Verilog [current_project]
  set_property ip_repo_paths $repositories [current_project]
  update_ip_catalog
  add_files -fileset constrs_1 -norecurse [list [file join $here constraints pixelmend.xdc]]
}

proc add_ip {name args} {
  return [create_bd_cell -type ip -vlnv [newest_ip {*}$args] $name]
}

proc connect_pins {from args} {
  foreach to $args {
    connect_bd_net [get_bd_pins $from] [get_bd_pins $to]
  }
}

proc connect_buses {from to} {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

proc processing_system {design} {
  set ip [dict get $design ps_ip]
  set ps [add_ip ps_0 xilinx.com:ip:$ip:*]
  set automation [dict get $design ps_automation]
  if {[get_property -quiet board_part [current_project]] eq ""} {
    if {[dict size [dict get $design ps_fallback]] > 0} {
      set_property -dict [configuration [dict get $design ps_fallback]] $ps
    }
    dict set automation apply_board_preset 0
  }
  apply_bd_automation -rule xilinx.com:bd_rule:$ip -config $automation $ps
  set_property -dict [configuration [dict get $design ps_properties]] $ps
  set_property [dict get $design ps_clock_property] [dict get $design clock_mhz] $ps
  puts "PIXELMEND CLOCK [get_property [dict get $design ps_clock_actual] $ps]"
}

proc add_dma {name values} {
  add_ip $name xilinx.com:ip:axi_dma:*
  # Else the width would be taken from the stream that is connected, and never checked against ours.
  set_property CONFIG.c_s_axis_s2mm_tdata_width.VALUE_SRC USER [get_bd_cells $name]
  set_property -dict [configuration $values] [get_bd_cells $name]
}

proc add_cells {design} {
  add_ip reset_0 xilinx.com:ip:proc_sys_reset:*
  add_ip control_0 xilinx.com:ip:axi_interconnect:*
  set further [llength [further_outputs $design]]
  set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI [expr {2 + $further}]] [get_bd_cells control_0]
  add_ip memory_0 xilinx.com:ip:smartconnect:*
  set_property -dict [list CONFIG.NUM_SI [expr {2 + $further}] CONFIG.NUM_MI 1] [get_bd_cells memory_0]

  add_dma axi_dma_0 [dict get $design dma]
  foreach output [further_outputs $design] {
    add_dma axi_dma_$output [dict get $design dma_$output]
  }

  add_ip axi_intc_0 xilinx.com:ip:axi_intc:*
  set_property -dict {CONFIG.C_IRQ_CONNECTION 1} [get_bd_cells axi_intc_0]
  # Newer releases have the concatenation among their inline modules.
  add_ip interrupts_0 xilinx.com:ip:xlconcat:* xilinx.com:inline_hdl:ilconcat:*
  set_property -dict [list CONFIG.NUM_PORTS [llength [dict get $design interrupts]]] [get_bd_cells interrupts_0]

  add_ip unpack_0 pixelmend:pixelmend:pixelmend_unpack:*
  add_ip pixelmend_0 *:pixelmend:pixelmend:* *:hls:pixelmend:*
  add_ip pack_0 pixelmend:pixelmend:pixelmend_pack:*
  foreach output [further_outputs $design] {
    add_ip pack_$output pixelmend:pixelmend:pixelmend_pack_$output:*
  }
  # A kernel with a handshake of its own would wait for a start that nobody gives.
  if {[llength [get_bd_pins -quiet pixelmend_0/ap_start]] > 0} {
    error "pixelmend_0 has ap_start; expected a kernel that runs freely (ap_ctrl_none)"
  }
}

proc clocks_and_resets {design} {
  set clock ps_0/[dict get $design ps_clock]
  connect_pins $clock ps_0/[dict get $design ps_control_clock] ps_0/[dict get $design ps_memory_clock]
  connect_pins $clock reset_0/slowest_sync_clk
  connect_pins $clock control_0/ACLK control_0/S00_ACLK control_0/M00_ACLK control_0/M01_ACLK memory_0/aclk
  connect_pins $clock axi_dma_0/s_axi_lite_aclk axi_dma_0/m_axi_mm2s_aclk axi_dma_0/m_axi_s2mm_aclk axi_intc_0/s_axi_aclk
  connect_pins $clock unpack_0/ap_clk pixelmend_0/ap_clk pack_0/ap_clk

  connect_pins ps_0/[dict get $design ps_reset_n] reset_0/ext_reset_in
  connect_pins reset_0/interconnect_aresetn control_0/ARESETN memory_0/aresetn
  connect_pins reset_0/peripheral_aresetn control_0/S00_ARESETN control_0/M00_ARESETN control_0/M01_ARESETN
  connect_pins reset_0/peripheral_aresetn axi_dma_0/axi_resetn axi_intc_0/s_axi_aresetn
  connect_pins reset_0/peripheral_aresetn unpack_0/ap_rst_n pixelmend_0/ap_rst_n pack_0/ap_rst_n

  foreach output [further_outputs $design] {
    set master [format M%02d [expr {1 + $output}]]
    connect_pins $clock control_0/${master}_ACLK axi_dma_$output/s_axi_lite_aclk axi_dma_$output/m_axi_s2mm_aclk
    connect_pins $clock pack_$output/ap_clk
    connect_pins reset_0/peripheral_aresetn control_0/${master}_ARESETN axi_dma_$output/axi_resetn pack_$output/ap_rst_n
  }
}

proc data_path {design} {
  connect_buses ps_0/[dict get $design ps_control] control_0/S00_AXI
  connect_buses control_0/M00_AXI axi_dma_0/S_AXI_LITE
  connect_buses control_0/M01_AXI axi_intc_0/s_axi
  connect_buses axi_dma_0/M_AXI_MM2S memory_0/S00_AXI
  connect_buses axi_dma_0/M_AXI_S2MM memory_0/S01_AXI
  connect_buses memory_0/M00_AXI ps_0/[dict get $design ps_memory]

  connect_buses axi_dma_0/M_AXIS_MM2S unpack_0/s_axis
  connect_buses unpack_0/m_axis pixelmend_0/s_axis
  connect_buses pixelmend_0/m_axis pack_0/s_axis
  connect_buses pack_0/m_axis axi_dma_0/S_AXIS_S2MM

  foreach output [further_outputs $design] {
    connect_buses control_0/[format M%02d [expr {1 + $output}]]_AXI axi_dma_$output/S_AXI_LITE
    connect_buses axi_dma_$output/M_AXI_S2MM memory_0/[format S%02d [expr {1 + $output}]]_AXI
    connect_buses pixelmend_0/m_axis_$output pack_$output/s_axis
    connect_buses pack_$output/m_axis axi_dma_$output/S_AXIS_S2MM
  }

  set index 0
  foreach interrupt [dict get $design interrupts] {
    connect_pins $interrupt interrupts_0/In$index
    incr index
  }
  connect_pins interrupts_0/dout axi_intc_0/intr
  connect_pins axi_intc_0/irq ps_0/[dict get $design ps_interrupt]
}

proc assign_addresses {design} {
  set processor [get_bd_addr_spaces ps_0/[dict get $design ps_control_space]]
  dict for {cell place} [dict get $design addresses] {
    lassign $place segment offset
    assign_bd_address -offset $offset -range 64K -target_address_space $processor [get_bd_addr_segs $cell/$segment]
  }
  set writers [lmap output [further_outputs $design] {string cat axi_dma_ $output /Data_S2MM}]
  foreach channel [concat {axi_dma_0/Data_MM2S axi_dma_0/Data_S2MM} $writers] {
    set space [get_bd_addr_spaces $channel]
    foreach name [dict get $design memory_used] {
      set segment [get_bd_addr_segs -quiet ps_0/[dict get $design memory_segments]/$name]
      if {[llength $segment] > 0} {
        assign_bd_address -target_address_space $space $segment
      }
    }
    foreach name [dict get $design memory_unused] {
      set segment [get_bd_addr_segs -quiet ps_0/[dict get $design memory_segments]/$name]
      if {[llength $segment] > 0} {
        exclude_bd_addr_seg -target_address_space $space $segment
      }
    }
  }
}

proc block_design {design} {
  say_step 4 "block design"
  create_bd_design pixelmend_shell
  processing_system $design
  add_cells $design
  clocks_and_resets $design
  data_path $design
  assign_addresses $design
  regenerate_bd_layout
  save_bd_design
  validate_bd_design
  save_bd_design
}
