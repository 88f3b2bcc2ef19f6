// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title MockShares
/// @notice OpenZeppelin's vault of shares as it is. Its price moves when tokens are sent to it or taken from it.
contract MockShares is ERC4626 {
    constructor(IERC20 token) ERC20("Shares", "SH") ERC4626(token) {}
}
